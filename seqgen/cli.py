"""The command line: ``seqgen``. Heavy imports wait until a command needs them."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from seqgen.commands import (
    bench,
    check,
    classify,
    export,
    generate,
    score,
    shortlist,
    tag,
    train,
    translate,
    write,
)
from seqgen.commands.expanded import expanded
from seqgen.commands.loading import Loading
from seqgen.errors import Stopped, UserError, is_out_of_memory

UsageError: Any = typer.BadParameter.__mro__[1]  # click's, or that of the copy typer carries

app = typer.Typer(
    help="Sequence-to-sequence with one recurrent decoder: train, translate, caption, score.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # else "[training]" in a help text is taken for markup
)
app.add_typer(train.app, name="train")
app.command("translate")(translate.write_translations)
app.command("caption")(write.write_captions)
app.command("tell")(write.write_tellings)
app.command("tag")(tag.tag)
app.command("classify")(classify.classify)
app.command("generate")(generate.generate)
app.add_typer(score.app, name="score")
app.command("shortlist")(shortlist.write_shortlist)
app.command("bench")(bench.bench)
app.command("check")(check.check)
app.command("export")(export.export_model)


@app.command()
@expanded("int8")
def info(
    model: Annotated[Path, typer.Argument(help="Folder of a model.")],
    verify: Annotated[bool, typer.Option("--verify", help="Replay its self-test.")] = False,
    *,
    loading: Loading,
) -> None:
    """What a model is, what it scored, and whether it still does what it did."""
    from seqgen.inspection import describe, replay

    print(describe(model, loading.code))
    if verify:
        print(replay(model, loading.code))


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="Data set: multi30k, ud_ewt.")],
    folder: Annotated[Path, typer.Argument(help="Where data sets live (SEQGEN_DATA).")],
) -> None:
    """Download a data set from its publisher, each file checked."""
    from seqgen.data.fetch import fetch as download

    print(download(name, folder))


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def run_command(command: Callable[[], object]) -> None:
    """Call ``command``; a user's mistake is one line and exit code 2, Ctrl-C one line and 130."""
    try:
        command()
        sys.stdout.flush()
    except Stopped as error:
        _end(error, 130)
    except UserError as error:
        _end(error, 2)
    except KeyboardInterrupt:
        _end("stopped", 130)
    except BrokenPipeError:  # the reader of our output has what it wants
        _discard_output()
        sys.exit(0)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _discard_output()
        _end(f"{error.filename or 'the output'}: cannot be written: {error.strerror}", 2)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        _end("this does not fit the memory; give it less at once, or a smaller model", 2)


def _end(line: object, code: int) -> NoReturn:
    print(f"seqgen: {line}", file=sys.stderr)
    sys.exit(code)


def _discard_output() -> None:
    """What standard output still holds can go nowhere; Python would try once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _app() -> None:
    try:
        code = app(standalone_mode=False)
    except UsageError as error:
        message = error.format_message()
        if "\n" in message:  # no arguments at all: it is the help
            sys.exit(message)
        raise UserError(message.rstrip("."), fix="see --help") from error
    except SystemExit as error:
        if isinstance(error.__context__, BrokenPipeError):  # Typer would end with 1
            raise error.__context__ from None
        raise
    if code == 130:  # what Typer makes of Ctrl-C
        raise KeyboardInterrupt
    sys.stdout.flush()
    sys.exit(code)


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # half-written files go with it too
    run_command(_app)
