"""Temperature: what drawing gains over always writing the most probable.

    python recipes/temperature.py                        # a model of the scenes, trained first
    python recipes/temperature.py --model runs/write-alice-char-small-1

Greedy text falls into a cycle, found here and named by its period. Then the same beginning at
five temperatures, side by side, and what is measured of each: how many of the words and of the
pairs of words are different, how many words stood among the 16 before them, how many are words
of the text that the model learned from; as a table and as a chart.
"""

import argparse
import subprocess
import sys
import textwrap
from itertools import zip_longest
from pathlib import Path

from seqgen.chart import line_chart
from seqgen.cli import run_command
from seqgen.data.store import Store
from seqgen.data.text_stream import COLUMN
from seqgen.files import write_bytes
from seqgen.generate import load_writer
from seqgen.running_text import TextDecoder
from seqgen.scoring.diversity import distinct, find_cycle, known, repetition, words
from seqgen.search.sample import Greedy, Sample

TEMPERATURES = (0.3, 0.8, 1.0, 1.3, 1.8)
WIDTH, LINES = 24, 14  # of a column


def main() -> None:
    """Show greedy text, then compare temperatures."""
    parser = options(__doc__)
    parser.add_argument("--length", type=int, default=4000, help="tokens measured")
    parser.add_argument("--plot", type=Path, default=Path("runs/temperature.png"))
    given = parser.parse_args()
    folder = given.model or trained(Path("runs/temperature"))
    model = load_writer(folder)

    greedy = "".join(model.generate(given.prompt, Greedy(), given.length))
    print(f"greedy: {given.prompt}{greedy[:400]}")
    if cycle := find_cycle(greedy):
        turn = greedy[cycle.start : cycle.start + cycle.period]
        print(f"\na cycle: from character {cycle.start:,} on the same {cycle.period:,}"
              f" characters over and over:\n  {turn!r}")  # fmt: skip
    else:
        print(f"\nno cycle within {given.length:,} tokens")

    texts = {f"{heat}": "".join(model.generate(given.prompt, Sample(heat, seed=given.seed),
                                given.length)) for heat in TEMPERATURES}  # fmt: skip
    print("\n" + beside({name: given.prompt + text for name, text in texts.items()}))

    tokens = Store.open(folder / "data/train").columns[COLUMN].tokens.tolist()
    learned = set(words("".join(TextDecoder(model.target).decode(tokens))))
    measures = {
        "distinct-1": lambda found: distinct(found, 1),
        "distinct-2": lambda found: distinct(found, 2),
        "repetition": repetition,
        "real words": lambda found: known(found, learned),
    }
    written = {"greedy": words(greedy)} | {name: words(text) for name, text in texts.items()}
    table = {name: [measure(one) for one in written.values()] for name, measure in measures.items()}
    print("\n" + " " * 10 + "".join(f"{name:>12}" for name in table))
    for number, name in enumerate(written):
        print(f"{name:10}" + "".join(f"{column[number]:12.3f}" for column in table.values()))
    chart = line_chart("What temperature does", list(written), table, "temperature")
    write_bytes(given.plot, chart)
    print(f"\nchart: {given.plot}")


def options(about: str) -> argparse.ArgumentParser:
    """Those of the recipes that look at a language model."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--model", type=Path, help="folder of a language model's training")
    parser.add_argument("--prompt", default="The ")
    parser.add_argument("--seed", type=int, default=1)
    return parser


def trained(folder: Path) -> Path:
    """The folder of a language model of the scenes, which is trained if it is not there."""
    recipe = Path(__file__).with_name("language_model.py")
    subprocess.run([sys.executable, recipe, "--out", folder], check=True)
    return folder


def beside(texts: dict[str, str]) -> str:
    """Texts in columns, each below its name."""
    columns = []
    for name, text in texts.items():
        lines = [row for line in text.split("\n") for row in textwrap.wrap(line, WIDTH) or [""]]
        columns.append([name, "-" * WIDTH, *lines[:LINES]])
    rows = zip_longest(*columns, fillvalue="")
    return "\n".join("  ".join(f"{cell:{WIDTH}}" for cell in row).rstrip() for row in rows)


if __name__ == "__main__":
    run_command(main)
