"""What short numbers and the runtime without torch give and cost, in one table.

    python recipes/int8.py MODEL SOURCE REFERENCE     # a translator and files of lines

The model by torch, by torch with int8, and exported for ONNX Runtime in float32, kept in float16,
and in int8: how large, how fast, how good, how soon; the p-value is of a paired bootstrap against
the first. One thread each. What came out: docs/runtime.md.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
    parser.add_argument("model", type=Path, help="a trained translator")
    parser.add_argument("source", type=Path)
    parser.add_argument("reference", type=Path)
    options = parser.parse_args()
    lines, references = (list(read_lines(one)) for one in (options.source, options.reference))
    print("| " + " | ".join(HEAD) + " |")
    print("|---" + "|---:" * (len(HEAD) - 1) + "|")
    with tempfile.TemporaryDirectory() as place:
        ways = {"torch, float32": (options.model, False), "torch, int8": (options.model, True)}
        for kind, wishes in {"float32": [], "float16": ["--float16"], "int8": ["--int8"]}.items():
            export(options.model, Path(place, kind), *wishes)
            ways[f"ONNX, {kind}"] = Path(place, kind), False
        first: list[Translation] = []
        for name, (folder, int8) in ways.items():
            found, speeds = measure(seqgen.load(folder, int8=int8), lines)
            first = first or found
            print("| " + " | ".join([name, *cold(folder, int8, lines[0]), *speeds,
                                     *quality(found, first, references)]) + " |")  # fmt: skip


def export(model: Path, out: Path, *wishes: str) -> None:
    """Write ``model`` for ONNX Runtime."""
    command = [sys.executable, "-m", "seqgen", "export", str(model), str(out), *wishes]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def cold(folder: Path, int8: bool, line: str) -> list[str]:
    """MB of weights on disk; seconds and MB of a process that translates one line."""
    weights = [one for one in find_bundle(folder).iterdir() if one.suffix not in OTHER]
    size = sum(one.stat().st_size for one in weights) / 1e6
    command = ["translate", "--model", str(folder), line, *(["--int8"] if int8 else [])]
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
    found = [best[0] for best in model.hypotheses(lines, seqgen.Beam(5))]
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
