"""``seqgen caption`` and ``tell``, and the options of all commands that let a model write."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqgen.commands.wishes import Wishes
from seqgen.errors import UserError
from seqgen.files import read_lines, writing
from seqgen.sources import Code

if TYPE_CHECKING:
    from seqgen.captioner import Caption

Model = Annotated[
    list[Path], typer.Option("--model", help="Folder of a model; several make an ensemble.")
]
Encoder = Annotated[
    str | None, typer.Option(help="Where the class of its encoder is now, if it is your own.")
]
AcceptSource = Annotated[
    bool, typer.Option("--accept-source", help="Take its code also if that has changed.")
]
Output = Annotated[Path | None, typer.Option(help="Where to write; else stdout.")]
BeamSize = Annotated[int | None, typer.Option(help="1 is greedy.")]
LengthPenalty = Annotated[float | None, typer.Option(help="Above 0 favours long.")]
CoveragePenalty = Annotated[float | None, typer.Option(help="0 is off.")]
Groups = Annotated[int, typer.Option(help="Diverse beam search: groups of the beam.")]
Diversity = Annotated[float, typer.Option(help="With --groups: nats.")]
NBest = Annotated[int, typer.Option(help="Outputs an input.")]
Temperature = Annotated[float | None, typer.Option(help="Sample instead of a beam.")]
TopP = Annotated[float, typer.Option(help="With --temperature.")]
Seed = Annotated[int, typer.Option(help="With --temperature.")]
NoRepeat = Annotated[int, typer.Option(help="No n-gram of this size twice; 0 = off.")]
BadEnding = Annotated[list[str] | None, typer.Option(help="No output ends in these words.")]
BatchSize = Annotated[int, typer.Option(help="Inputs searched together.")]
Own = Annotated[
    list[str] | None, typer.Option("--processor", help="Your own, as ./file.py:Class; repeats.")
]
OwnStrategy = Annotated[str | None, typer.Option("--strategy", help="Your own; not a beam.")]
Int8 = Annotated[bool, typer.Option("--int8", help="Products of 8-bit integers: faster.")]
Json = Annotated[bool, typer.Option("--json", help="Lines of JSON with scores.")]


def write_captions(
    model: Model,
    pictures: Annotated[list[Path], typer.Argument(help="Image files, or folders of them.")],
    output: Output = None,
    explain: Annotated[
        Path | None, typer.Option(help="Where it looked: a .png, or .html for any number.")
    ] = None,
    beam_size: BeamSize = None,
    length_penalty: LengthPenalty = None,
    coverage_penalty: CoveragePenalty = None,
    groups: Groups = 1,
    diversity: Diversity = 0.0,
    n_best: NBest = 1,
    temperature: Temperature = None,
    top_p: TopP = 1.0,
    seed: Seed = 0,
    no_repeat: NoRepeat = 0,
    bad_ending: BadEnding = None,
    processor: Own = None,
    strategy: OwnStrategy = None,
    batch_size: BatchSize = 32,
    encoder: Encoder = None,
    accept_source: AcceptSource = False,
    int8: Int8 = False,
    json_: Json = False,
) -> None:
    """Caption pictures: a line with the file, a tab and the caption for each."""
    check_batch_size(batch_size)
    wishes = Wishes(
        beam_size, length_penalty, coverage_penalty, groups, diversity, n_best, temperature,
        top_p, seed, no_repeat, bad_ending or [], processor or [], strategy,
    )  # fmt: skip
    from seqgen.generate import load_captioner
    from seqgen.images import find_images
    from seqgen.lines import caption_line
    from seqgen.overlay import write_explanation

    captioner = load_captioner(*model, code=Code(encoder, accept_source=accept_source), int8=int8)
    files = find_images(pictures)
    broken: list[UserError] = []
    found = captioner.hypotheses(
        files,
        wishes.strategy(captioner.search),
        wishes.processors(captioner.target),
        batch_size,
        lambda _, error: broken.append(error),
    )
    good = _readable(files, found, broken)
    shown, kept = tee(good) if explain else (good, iter(()))
    write_lines((caption_line(file, best, n_best, json_) for file, best in shown), output)
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


def write_tellings(
    model: Model,
    values: Annotated[list[str] | None, typer.Argument(help="What to write of; else all.")] = None,
    output: Output = None,
    beam_size: BeamSize = None,
    length_penalty: LengthPenalty = None,
    groups: Groups = 1,
    diversity: Diversity = 0.0,
    n_best: NBest = 1,
    temperature: Temperature = None,
    top_p: TopP = 1.0,
    seed: Seed = 0,
    no_repeat: NoRepeat = 0,
    bad_ending: BadEnding = None,
    processor: Own = None,
    strategy: OwnStrategy = None,
    batch_size: BatchSize = 64,
    encoder: Encoder = None,
    accept_source: AcceptSource = False,
    int8: Int8 = False,
    json_: Json = False,
) -> None:
    """Write of single values: a line with the value, a tab and the text for each."""
    check_batch_size(batch_size)
    wishes = Wishes(
        beam_size, length_penalty, None, groups, diversity, n_best, temperature, top_p, seed,
        no_repeat, bad_ending or [], processor or [], strategy,
    )  # fmt: skip
    from seqgen.generate import load_teller
    from seqgen.lines import told_line

    teller = load_teller(*model, code=Code(encoder, accept_source=accept_source), int8=int8)
    asked = values or list(teller.values.names)
    found = teller.hypotheses(
        asked, wishes.strategy(teller.search), wishes.processors(teller.target), batch_size
    )
    lines = (
        told_line(value, best, n_best, json_) for value, best in zip(asked, found, strict=True)
    )
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
