"""``seqgen bench``: what this machine does, and how near to what it could."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqgen.bench.measure import Measure

PARTS = ("limits", "training", "decoding", "writing", "features", "start")


def bench(
    parts: Annotated[
        list[str] | None, typer.Argument(help=f"Of {', '.join(PARTS)}; all if none is given.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Of each training; others get less.")] = 30.0,
    threads: Annotated[int, typer.Option(help="0 is as many as there are cores.")] = 0,
    against: Annotated[Path | None, typer.Option(help="An earlier --output, for ratios.")] = None,
    output: Annotated[Path | None, typer.Option(help="Where to write JSON.")] = None,
) -> None:
    """Measure training, decoding, reading images and starting, each beside its limit."""
    chosen = parts or list(PARTS)
    for part in chosen:
        if part not in PARTS:
            raise UserError(f"there is no part '{part}'", "bench", f"choose of {', '.join(PARTS)}")
    if not seconds > 0:
        raise UserError(f"is {seconds:g}", "--seconds", "give some")
    import torch
    from rich.console import Console

    from seqgen.bench.measure import Results, ratios, read_results, table
    from seqgen.config import to_dict
    from seqgen.files import write_json

    if threads:
        torch.set_num_threads(threads)
    before = read_results(against) if against else None
    measures = []
    for one in _measures(chosen, seconds):
        print(one.name, file=sys.stderr)
        measures.append(one)
    if output:  # first: what was measured is not lost to an earlier run that does not fit
        write_json(output, to_dict(Results(_machine(), tuple(measures))))
    Console(highlight=False).print(table(measures, ratios(measures, before) if before else {}))


def _machine() -> dict[str, Any]:
    """What a reader of the figures wants to know of the machine."""
    import platform
    from importlib.metadata import version

    import torch

    return {
        "processor": platform.processor() or platform.machine(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "seqgen": version("seqgen"),
    }


def _measures(parts: list[str], seconds: float) -> Iterator[Measure]:
    """All figures of ``parts``, in order."""
    import tempfile

    import torch

    from seqgen.bench import images
    from seqgen.bench.decoding import measure_decoding, measure_start
    from seqgen.bench.limits import measure_limits
    from seqgen.bench.training import WORKLOADS, Workload, measure_training
    from seqgen.bench.writing import measure_writing
    from seqgen.files import read_lines
    from seqgen.generate import load_translator, load_writer

    limits, found = measure_limits(seconds / 20)
    yield from found if "limits" in parts else ()
    translating, _, writing = WORKLOADS
    with tempfile.TemporaryDirectory(prefix="seqgen-bench-") as place:
        folder = Path(place)

        def trained(work: Workload) -> Path:
            """Where the model of ``work`` is, with its data; it is trained if it is not there."""
            where = folder / f"{work.name}-float32"
            if not where.exists():
                measure_training(work, where, seconds, "float32")
            return where

        for work in WORKLOADS:
            if "training" in parts:
                for precision in ("float32", "bfloat16"):
                    where = folder / f"{work.name}-{precision}"
                    yield measure_training(work, where, seconds, precision)
        if "decoding" in parts:
            where = trained(translating)
            lines = list(read_lines(where / "valid.en"))
            yield from measure_decoding(load_translator(where / "model"), lines, limits)
        if "writing" in parts:
            yield from measure_writing(load_writer(trained(writing) / "model"), limits)
        if "features" in parts:
            for name in images.BACKBONES:
                for dtype in (torch.float32, torch.bfloat16):
                    yield images.measure_features(name, dtype, seconds / 10, limits)
        if "start" in parts:
            yield from measure_start(trained(translating) / "model")
