"""The command line: ``seqgen``. Heavy imports wait until a command needs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from seqgen.commands import bench, check, generate, score, tag, train, write
from seqgen.errors import UserError
from seqgen.sources import Code

UsageError: Any = typer.BadParameter.__mro__[1]  # click's, or that of the copy typer carries

app = typer.Typer(
    help="Sequence-to-sequence with one recurrent decoder: train, translate, caption, score.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # else "[training]" in a help text is taken for markup
)
app.add_typer(train.app, name="train")
app.command("translate")(write.write_translations)
app.command("caption")(write.write_captions)
app.command("tell")(write.write_tellings)
app.command("tag")(tag.tag)
app.command("generate")(generate.generate)
app.add_typer(score.app, name="score")
app.command("bench")(bench.bench)
app.command("check")(check.check)


@app.command()
def info(
    model: Annotated[Path, typer.Argument(help="Folder of a model.")],
    verify: Annotated[bool, typer.Option("--verify", help="Replay its self-test.")] = False,
    encoder: write.Encoder = None,
    accept_source: write.AcceptSource = False,
) -> None:
    """What a model is, what it scored, and whether it still does what it did."""
    from seqgen.inspection import describe, replay

    code = Code(encoder, accept_source=accept_source)
    print(describe(model, code))
    if verify:
        print(replay(model, code))


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="Data set, such as multi30k.")],
    folder: Annotated[Path, typer.Argument(help="Where data sets live (SEQGEN_DATA).")],
) -> None:
    """Download a data set from its publisher, each file checked."""
    from seqgen.data.fetch import fetch as download

    print(download(name, folder))


def run_command(command: Callable[[], object]) -> None:
    """Call ``command``; a user's mistake is one line and exit code 2."""
    try:
        command()
    except UserError as error:
        print(f"seqgen: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output has what it wants
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _app() -> None:
    try:
        sys.exit(app(standalone_mode=False))
    except UsageError as error:
        message = error.format_message()
        if "\n" in message:  # no arguments at all: it is the help
            sys.exit(message)
        raise UserError(message.rstrip("."), fix="see --help") from error


def main() -> None:
    """Run the command line."""
    run_command(_app)
