"""How fast a translator translates, a sentence at a time and many together, and cold."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from seqgen.bench.limits import BANDWIDTH, PRODUCTS, Limits
from seqgen.bench.measure import Measure
from seqgen.bundle import Bundle
from seqgen.errors import UserError
from seqgen.search.beam import Beam
from seqgen.search.sample import Greedy
from seqgen.search.step import Strategy
from seqgen.training.precision import train_flops
from seqgen.translator import Translator

_MANY = 64

# A process is told the peak of what it was forked from, so a small one stands in between.
_LAUNCH = """
import resource, subprocess, sys, time
begin = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=-3, stderr=-3).returncode
seconds = time.perf_counter() - begin
print(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
sys.exit(code)
"""


def measure_decoding(model: Translator, lines: list[str], limits: Limits) -> list[Measure]:
    """Sentences a second, greedy and with a beam of 5, batches of 1 and of 64.

    Single sentences are held against the memory's bandwidth, for each step reads the decoder's
    weights; batches against the products' peak.
    """
    (bundle,) = model.bundles
    assert isinstance(bundle, Bundle)
    weights = train_flops(bundle.model.decoder) / 6
    found = []
    for name, strategy, width in (("greedy", Greedy(), 1), ("beam 5", Beam(5), 5)):
        some = lines[:_MANY]
        seconds, steps = _time(model, some, strategy, 1)
        share = 4 * weights * steps / seconds / 1e9 / limits.bandwidth
        label = f"decoding, {name}, one by one"
        found.append(Measure(label, len(some) / seconds, "sentences/s", share, BANDWIDTH))
        seconds, steps = _time(model, lines, strategy, _MANY)
        share = 2 * weights * width * steps / seconds / 1e9 / limits.products
        label = f"decoding, {name}, {_MANY} together"
        found.append(Measure(label, len(lines) / seconds, "sentences/s", share, PRODUCTS))
    return found


def _time(model: Translator, lines: list[str], strategy: Strategy, batch: int) -> tuple[float, int]:
    """Seconds, and tokens of the best outputs with their ends."""
    list(model.hypotheses(lines[:batch], strategy, batch_size=batch))
    begin = time.perf_counter()
    found = list(model.hypotheses(lines, strategy, batch_size=batch))
    seconds = time.perf_counter() - begin
    return seconds, sum(len(best[0].hypothesis.tokens) + 1 for best in found)


def measure_start(folder: Path, repeats: int = 3) -> list[Measure]:
    """Seconds from a cold command to its end, and the most memory it holds."""
    told, written = (
        [run_cold(command) for _ in range(repeats)]
        for command in (["--help"], ["translate", "--model", str(folder), "The dog sleeps."])
    )
    return [
        Measure("seqgen --help", statistics.median(one[0] for one in told), "s"),
        Measure("first translation", statistics.median(one[0] for one in written), "s"),
        Measure("memory of a translation", max(one[1] for one in written), "MB"),
    ]


def run_cold(arguments: list[str]) -> tuple[float, float]:
    """Seconds and peak memory, in MB, of one command in a process of its own."""
    command = [sys.executable, "-c", _LAUNCH, sys.executable, "-m", "seqgen", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if done.returncode:
        raise UserError(f"seqgen {arguments[0]} failed", "seqgen bench")
    seconds, memory = map(float, done.stdout.split())
    return seconds, memory
