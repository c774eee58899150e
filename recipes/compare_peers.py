"""JoeyNMT and eole on the same work: training and beam search, side by side in one run.

    python recipes/compare_peers.py OUT --joeynmt VENV1 --eole VENV2    # SEQGEN_DATA names the data

compare_peers.md tells how to make the two virtual environments, what is equal, what differs and
what came out; one of them will do. One after another, each trains an epoch on the same 29,000 pairs
in the same pieces and translates the same 1,000 lines; seqgen does so at either peer's size.
"""

import argparse
import re
import statistics
import subprocess
import time
from pathlib import Path

from peers.prepare import TEST, prepare
from peers.toolkits import Row, rows

import seqgen
from seqgen.cli import run_command
from seqgen.files import read_lines, write_text


def main() -> None:
    """Prepare the files, let each train and translate, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--joeynmt", type=Path, help="its virtual environment")
    parser.add_argument("--eole", type=Path, help="its virtual environment")
    options = parser.parse_args()
    if not (options.joeynmt or options.eole):
        parser.error("name the virtual environment of one peer, or of both")
    folder = options.out.resolve()
    prepare(folder)
    print(f"| {'toolkit':24} | target tokens/s | sentences/s, beam 5 | mean length | BLEU |")
    print(f"|{'-' * 26}|----------------:|--------------------:|------------:|-----:|")
    for row in rows(*(one and one.absolute() for one in (options.joeynmt, options.eole))):
        print(f"| {row.name:24} | {train(row, folder):15,.0f} |", end=" ", flush=True)
        rate, outputs = translate(row, folder)
        words = statistics.mean(len(line.split()) for line in outputs)
        bleu = seqgen.bleu(outputs, [list(read_lines(folder / f"{TEST}.de"))]).value
        print(f"{rate:19.1f} | {words:11.1f} | {bleu:4.1f} |", flush=True)


def train(row: Row, folder: Path) -> float:
    """Train an epoch; the median of the target tokens a second that the toolkit prints."""
    done = subprocess.run(
        row.train, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    write_text(folder / f"{row.name}.log", done.stdout)
    if done.returncode:
        raise seqgen.UserError(f"{row.name} failed", folder / f"{row.name}.log", "see its end")
    if row.after:
        subprocess.run(row.after, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return statistics.median(
        float(speed.replace(",", "")) for speed in re.findall(row.speed, done.stdout)
    )


def translate(row: Row, folder: Path) -> tuple[float, list[str]]:
    """Sentences a second with a beam of 5, starting left out, and the translations."""
    lines = list(read_lines(folder / f"{TEST}{'.pieces' if row.pieces else ''}.en"))
    spent: dict[int, list[float]] = {8: [], len(lines): []}
    for count in [*spent] * 3:  # the time to start is what both share; of three, the median
        source, target = folder / "in.txt", folder / f"{row.name}.{count}.de"
        write_text(source, "".join(f"{line}\n" for line in lines[:count]))
        names = {"IN": str(source), "OUT": str(target)}
        with open(source, encoding="utf-8") as file:
            start = time.perf_counter()
            done = subprocess.run(
                [names.get(word, word) for word in row.translate],
                cwd=folder, stdin=file, check=True, capture_output=True, text=True,
            )  # fmt: skip
        spent[count].append(time.perf_counter() - start)
        if "OUT" not in row.translate:
            write_text(target, done.stdout)
    outputs = list(read_lines(target))
    if row.pieces:
        outputs = ["".join(line.split(" ")).replace("▁", " ").strip() for line in outputs]
    short, long = map(statistics.median, spent.values())
    return (len(lines) - 8) / (long - short), outputs


if __name__ == "__main__":
    run_command(main)
