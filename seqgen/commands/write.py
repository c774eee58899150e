"""``seqgen caption`` and ``tell``, and the options of all commands that let a model write."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqgen.commands.expanded import expanded
from seqgen.commands.loading import Loading, Model
from seqgen.commands.wishes import Wishes
from seqgen.errors import UserError
from seqgen.files import read_lines, writing

if TYPE_CHECKING:
    from seqgen.captioner import Caption

Output = Annotated[Path | None, typer.Option(help="Where to write; else stdout.")]
BatchSize = Annotated[int, typer.Option(help="Inputs searched together.")]
Json = Annotated[bool, typer.Option("--json", help="Lines of JSON with scores.")]


@expanded()
def write_captions(
    model: Model,
    pictures: Annotated[list[Path], typer.Argument(help="Image files, or folders of them.")],
    output: Output = None,
    explain: Annotated[
        Path | None, typer.Option(help="Where it looked: a .png, or .html for any number.")
    ] = None,
    *,
    wishes: Wishes,
    batch_size: BatchSize = 32,
    loading: Loading,
    json_: Json = False,
) -> None:
    """Caption pictures: a line with the file, a tab and the caption for each."""
    check_batch_size(batch_size)
    from seqgen.generate import load_captioner
    from seqgen.images import find_images
    from seqgen.lines import caption_line
    from seqgen.overlay import write_explanation

    captioner = load_captioner(*model, code=loading.code, int8=loading.int8)
    files = find_images(pictures)
    broken: list[UserError] = []
    found = captioner.hypotheses(
        files,
        wishes.make_strategy(captioner.search),
        wishes.make_processors(captioner.target),
        batch_size,
        lambda _, error: broken.append(error),
    )
    good = _readable(files, found, broken)
    shown, kept = tee(good) if explain else (good, iter(()))
    write_lines((caption_line(file, best, wishes.n_best, json_) for file, best in shown), output)
    if explain is not None:
        firsts = [(file, best[0]) for file, best in kept]
        write_explanation(explain, firsts, captioner.images)
    if broken:
        what = f"{len(broken)} of {len(files)} pictures could not be read"
        raise UserError(what, fix="the others are captioned")


def _readable(
    files: list[Path], found: Iterable[list[Caption]], broken: list[UserError]
) -> Iterator[tuple[Path, list[Caption]]]:
    """The files that have captions; in the end, one line for each of the others."""
    for file, best in zip(files, found, strict=True):
        if best:
            yield file, best
    for error in broken:
        print(f"seqgen: {error}", file=sys.stderr)
    if len(broken) == len(files):  # raised here, so that no empty file is left
        raise UserError("none of the pictures could be read")


@expanded("coverage_penalty")
def write_tellings(
    model: Model,
    values: Annotated[list[str] | None, typer.Argument(help="What to write of; else all.")] = None,
    output: Output = None,
    *,
    wishes: Wishes,
    batch_size: BatchSize = 64,
    loading: Loading,
    json_: Json = False,
) -> None:
    """Write of single values: a line with the value, a tab and the text for each."""
    check_batch_size(batch_size)
    from seqgen.generate import load_teller
    from seqgen.lines import told_line

    teller = load_teller(*model, code=loading.code, int8=loading.int8)
    asked = values or list(teller.values.names)
    strategy = wishes.make_strategy(teller.search)
    processors = wishes.make_processors(teller.target)
    found = zip(asked, teller.hypotheses(asked, strategy, processors, batch_size), strict=True)
    lines = (told_line(value, best, wishes.n_best, json_) for value, best in found)
    write_lines(lines, output)


def check_batch_size(batch_size: int) -> None:
    """Refuse a batch of nothing.

    Raises:
        UserError: it is below 1.
    """
    if batch_size < 1:
        raise UserError(f"is {batch_size}", "--batch-size", "give 1 or more")


def input_lines(text: list[str] | None, path: Path | None) -> Iterator[str]:
    """The texts given, the lines of a file, or those of standard input.

    Raises:
        UserError: texts and a file are given, or the file cannot be read.
    """
    if text and path:
        raise UserError("texts and --input are both given", fix="give one of them")
    if text:
        return iter(text)
    return read_lines(path) if path else read_lines(Path("/dev/stdin"))


def write_lines(lines: Iterable[str], output: Path | None) -> None:
    """Write ``lines`` to a file, whole or not at all, or to standard output as they come."""
    if output is None:
        for line in lines:
            sys.stdout.write(line)
        sys.stdout.flush()
    else:
        with writing(output) as file:
            for line in lines:
                file.write(line.encode("utf-8"))
