"""What short numbers and the runtime without torch give and cost, in one table.

    python recipes/int8.py MODEL SOURCE REFERENCE [--shortlist FILE]    # a translator, and files

By torch, with int8, with a shortlist, and exported for ONNX Runtime in float32, float16 and int8:
how large, fast, good, soon; p is of a paired bootstrap against the first. docs/runtime.md has one.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before torch and ONNX Runtime count the cores

import seqgen
from seqgen.bench.decoding import run_cold
from seqgen.cli import run_command
from seqgen.files import read_lines
from seqgen.folders import find_bundle
from seqgen.scoring.metrics import compare
from seqgen.translator import Translation

SINGLE = 120  # lines translated one by one
OTHER = (".spm", ".json", ".md")  # files of a model that hold no weights
HEAD = ["", "MB of weights", "cold start, s", "peak MB", "one by one, ms", "batches, lines/s",
        "same tokens", "log-prob off by", "BLEU", "p"]  # fmt: skip


def main() -> None:
    """Export, measure each, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("model", "source", "reference", "--shortlist"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    lines, references = (list(read_lines(one)) for one in (options.source, options.reference))
    print("| " + " | ".join(HEAD) + " |\n|---" + "|---:" * (len(HEAD) - 1) + "|")
    with tempfile.TemporaryDirectory() as place:
        hows: dict[str, dict[str, Any]] = {"float32": {}, "int8": {"int8": True}}
        ways = {f"torch, {name}": (options.model, how) for name, how in hows.items()}
        for name, how in hows.items() if options.shortlist else ():
            ways[f"torch, {name}, shortlist"] = (
                options.model,
                how | {"shortlist": options.shortlist},
            )
        for kind in ("float32", "float16", "int8"):
            wishes = [f"--{kind}"] if kind != "float32" else []
            command = [sys.executable, "-m", "seqgen", "export", options.model, f"{place}/{kind}"]
            subprocess.run([*command, *wishes], check=True, stdout=subprocess.DEVNULL)
            ways[f"ONNX, {kind}"] = Path(place, kind), {}
        first: list[Translation] = []
        for name, (folder, how) in ways.items():
            found, speeds = measure(seqgen.load(folder, **how), lines)
            first = first or found
            print("| " + " | ".join([name, *cold(folder, how, lines[0]), *speeds,
                                     *quality(found, first, references)]) + " |")  # fmt: skip


def cold(folder: Path, how: dict[str, Any], line: str) -> list[str]:
    """MB of weights on disk; seconds and MB of a process that translates one line."""
    weights = [one for one in find_bundle(folder).iterdir() if one.suffix not in OTHER]
    size = sum(one.stat().st_size for one in weights) / 1e6
    words = [word for name, value in how.items() for word in (f"--{name}", str(value))]
    command = ["translate", "--model", str(folder), line, *(w for w in words if w != "True")]
    seconds, memory = zip(*(run_cold(command) for _ in range(3)), strict=True)
    return [f"{size:.1f}", f"{statistics.median(seconds):.2f}", f"{max(memory):.0f}"]


def measure(model: seqgen.Translator, lines: list[str]) -> tuple[list[Translation], list[str]]:
    """Outputs of a beam of 5; median milliseconds of a line alone, greedily; lines a second."""
    spent = []
    for line in [lines[0], *lines[:SINGLE]]:  # the first one warms up
        begin = time.perf_counter()
        model.translate([line], seqgen.Greedy(), batch_size=1)
        spent.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    found = [best[0] for best in model.hypotheses(lines, seqgen.Beam(5), batch_size=64)]
    rate = len(lines) / (time.perf_counter() - begin)
    return found, [f"{1000 * statistics.median(spent[1:]):.1f}", f"{rate:.1f}"]


def quality(found: list[Translation], first: list[Translation], refs: list[str]) -> list[str]:
    """How far from ``first`` in tokens and log-probabilities; BLEU, and the p-value."""
    pairs = [(a.hypothesis, b.hypothesis) for a, b in zip(found, first, strict=True)]
    same = [(a, b) for a, b in pairs if a.tokens == b.tokens]
    off = max((abs(a.log_prob - b.log_prob) for a, b in same), default=0.0)
    ours, theirs = ([one.text for one in some] for some in (found, first))
    judged = compare(ours, theirs, [refs], lowercase=True)
    bleu = seqgen.bleu(ours, [refs], lowercase=True, bootstrap=1000)
    interval = f"{bleu.value:.2f} [{bleu.low:.2f}, {bleu.high:.2f}]"
    return [f"{len(same)} of {len(pairs)}", f"{off:.1e}", interval, f"{judged.p_value:.3f}"]


if __name__ == "__main__":
    run_command(main)
