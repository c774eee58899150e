"""The command line, called in this process."""

from typer.testing import CliRunner

from seqgen.cli import app


def seqgen(*arguments: object) -> str:
    """What a command prints; a mistake is raised as it is."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout
