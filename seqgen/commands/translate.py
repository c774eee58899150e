"""``seqgen translate``: lines to lines, by one process or several."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from seqgen.commands.expanded import expanded
from seqgen.commands.loading import Loading, Model
from seqgen.commands.wishes import Wishes
from seqgen.commands.write import (
    BatchSize,
    Json,
    Output,
    check_batch_size,
    input_lines,
    write_lines,
)
from seqgen.errors import UserError

Processes = Annotated[int, typer.Option(help="That share the lines; the output is the same.")]
Listed = Annotated[
    Path | None,
    typer.Option(help="With the tokens that a file of `seqgen shortlist` names: faster."),
]
Threads = Annotated[int, typer.Option(help="Of each process; 0 is the cores over the processes.")]


@expanded()
def write_translations(
    model: Model,
    text: Annotated[list[str] | None, typer.Argument(help="Texts; else --input or stdin.")] = None,
    input_: Annotated[Path | None, typer.Option("--input", help="A text file, also .gz.")] = None,
    output: Output = None,
    *,
    wishes: Wishes,
    batch_size: BatchSize = 128,
    loading: Loading,
    shortlist: Listed = None,
    processes: Processes = 1,
    threads: Threads = 0,
    json_: Json = False,
) -> None:
    """Translate texts, one output line for each input line, in order."""
    check_batch_size(batch_size)
    if processes < 1 or threads < 0:
        raise UserError(f"are {processes} and {threads}", "--processes and --threads", "give some")
    from seqgen.processes import set_threads, shared
    from seqgen.search.batched import WINDOW

    if threads or processes > 1:
        set_threads(threads or max(1, (os.cpu_count() or 1) // processes))
    make = partial(_translating, tuple(model), loading, shortlist, wishes, batch_size, json_)
    lines = input_lines(text, input_)
    if processes > 1:
        write_lines(shared(make, lines, processes, WINDOW), output)
    else:
        write_lines(make()(lines, 0), output)


def _translating(
    model: tuple[Path, ...],
    loading: Loading,
    shortlist: Path | None,
    wishes: Wishes,
    batch_size: int,
    as_json: bool,
) -> Callable[[Iterable[str], int], Iterator[str]]:
    """What translates lines, the first of them known by a number, into lines to write."""
    from seqgen.generate import load_translator
    from seqgen.lines import translation_line

    translator = load_translator(*model, code=loading.code, int8=loading.int8, shortlist=shortlist)
    strategy = wishes.make_strategy(translator.search)
    processors = wishes.make_processors(translator.target)

    def work(lines: Iterable[str], first: int) -> Iterator[str]:
        found = translator.hypotheses(lines, strategy, processors, batch_size, first)
        return (translation_line(best, wishes.n_best, as_json) for best in found)

    return work
