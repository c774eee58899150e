"""Peak memory: what training, translating and writing need, however much there is.

    python recipes/memory.py OUT

Pairs of the scenes, repeated, as many and then a hundred times as many: each is prepared and
trained on for half a minute; the model then translates so many lines, and a hundred times so many.
A language model of a half minute, too, writes so many characters, and a hundred times so many.
"""

import argparse
import os
import subprocess
import sys
import time
from itertools import cycle, islice
from pathlib import Path

from seqgen.cli import run_command
from seqgen.errors import UserError
from seqgen.files import read_lines

SCENES = Path(__file__).parent.parent / "assets" / "scenes"
SMALL = "{ embedding_dim = 64, hidden_dim = 64 }"
MODEL = ["--set=data.source.vocab_size=500", f"--set=model.encoder_options={SMALL}",
         f"--set=model.decoder={SMALL}", "--set=training.learning_rate=0.01",
         "--set=training.warmup=50", "--set=training.average=0.9"]  # fmt: skip


def main() -> None:
    """Train and translate at both sizes, each in a process of its own; print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--pairs", type=int, default=10_000, help="and a hundred times as many")
    parser.add_argument("--lines", type=int, default=1_000, help="and a hundred times as many")
    parser.add_argument(
        "--characters", type=int, default=10_000, help="and a hundred times as many"
    )
    parser.add_argument("--minutes", type=float, default=0.5, help="of each training")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    print(f"| {'what':32} | peak MB | seconds |")
    print(f"|{'-' * 34}|--------:|--------:|")
    for pairs in (options.pairs, 100 * options.pairs):
        files = [repeat(options.out, "train", side, pairs) for side in ("en", "de")]
        show(f"training, {pairs:,} pairs", [
            "train", "translate", "--train-source", files[0], "--train-target", files[1],
            "--valid-source", SCENES / "valid.en", "--valid-target", SCENES / "valid.de",
            "--out", options.out / f"model-{pairs}", *MODEL,
            f"--set=training.max_minutes={options.minutes}",
        ])  # fmt: skip
    for lines in (options.lines, 100 * options.lines):
        source = repeat(options.out, "test", "en", lines)
        show(f"translating, {lines:,} lines", [
            "translate", "--model", options.out / f"model-{options.pairs}", "--beam-size", "1",
            "--input", source, "--output", source.with_suffix(".out"),
        ])  # fmt: skip

    model = options.out / "writer"
    show("training, a language model", [
        "train", "write", "--train", SCENES / "train.en", "--out", model,
        f"--set=model.decoder={SMALL}", f"--set=training.max_minutes={options.minutes}",
    ])  # fmt: skip
    for length in (options.characters, 100 * options.characters):
        show(f"writing, {length:,} characters", ["generate", "--model", model, "--length", length])


def repeat(out: Path, part: str, side: str, count: int) -> Path:
    """A file of ``count`` lines of a part of the scenes, over and over."""
    path = out / f"{part}-{count}.{side}"
    lines = list(read_lines(SCENES / f"{part}.{side}"))
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in islice(cycle(lines), count))
    return path


def show(what: str, command: list[object]) -> None:
    """Run a command of seqgen; print the most memory that it held at a time, and its seconds."""
    start = time.perf_counter()
    words = [sys.executable, "-m", "seqgen", *map(str, command)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise UserError(f"failed: {' '.join(words)}", what)
    print(f"| {what:32} | {used.ru_maxrss / 1024:7,.0f} |", end="")
    print(f" {time.perf_counter() - start:7,.0f} |", flush=True)


if __name__ == "__main__":
    run_command(main)
