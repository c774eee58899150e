"""Word vectors from text without labels: which words stand near which, and what that comes to.

    python recipes/word_vectors.py vectors.txt                       # of the scenes
    python recipes/word_vectors.py vectors.txt --text ptb ag_news alice my.txt.gz
    python recipes/classify.py --corpus trec --vectors vectors.txt   # what they are good for

Counts how often each word stands within five words of each frequent one, the nearer the more.
How much more often than by chance (positive pointwise mutual information) is a table with a row
for each word; its best approximation of a few columns are the vectors (singular values; Levy,
Goldberg & Dagan 2015, "Improving Distributional Similarity with Lessons Learned from Word
Embeddings"). A classifier that reads them knows words that its own texts have not.
"""

import argparse
import re
from collections import Counter
from pathlib import Path

import torch

from seqgen.cli import run_command
from seqgen.corpora import CORPORA, running_text
from seqgen.data.word_vectors import write_word_vectors
from seqgen.errors import UserError
from seqgen.files import read_lines

WINDOW = 5  # words to either side; one at distance d counts 1/d
FREQUENT, RARE = 4000, 3  # so many columns; words met less often have no vector
SMOOTHING = 0.75  # frequent words are not taken for quite as frequent
WORD = re.compile(r"n't\b|'\w+|<\w+>|\w+?(?=n't\b)|\w+(?:[-.]\w+)*|[^\w\s]")


def texts(names: list[str], folder: Path, cased: bool) -> list[list[str]]:
    """The words of each line of known data sets and files; of a table, of its first column."""
    parts = [running_text(name, folder) for name in names]
    files = [file for part in parts for file in (part.train, part.valid) if file]
    lines = (line.partition("\t")[0] for file in files for line in read_lines(file))
    return [WORD.findall(line if cased else line.lower()) for line in lines]


def together(rows: list[list[int]], words: int, columns: int) -> torch.Tensor:
    """How often the word i stands near the word j, [words, columns]; -1 stands for rare words."""
    counts = torch.zeros(words * columns)
    between = [-1] * WINDOW  # so that no line is near another
    line = torch.tensor([number for row in rows for number in (*row, *between)])
    for distance in range(1, WINDOW + 1):
        left, right = line[:-distance], line[distance:]
        for one, other in ((left, right), (right, left)):
            near = (one >= 0) & (other >= 0) & (other < columns)
            places = one[near] * columns + other[near]
            counts.index_add_(0, places, torch.full((len(places),), 1.0 / distance))
    return counts.view(words, columns)


def learn(counts: torch.Tensor, width: int) -> torch.Tensor:
    """Vectors [words, width]: of positive pointwise mutual information, U times the root of S."""
    rows, columns = counts.sum(1, keepdim=True), counts.sum(0) ** SMOOTHING
    chance = rows * (columns / columns.sum())
    table = (counts / chance.clamp(min=1e-9)).log_().clamp_(min=0.0)
    squares, right = torch.linalg.eigh(table.T @ table)  # of few columns, what an SVD gives
    strength = squares[-width:].clamp(min=1e-6) ** 0.5
    return table @ right[:, -width:] / strength**0.5


def main() -> None:
    """Count, learn, write, and show what is near what."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the file to write, in GloVe's text format")
    parser.add_argument("--text", nargs="+", default=["scenes"],
                        help=f"{', '.join(CORPORA)}, or files, also .gz")  # fmt: skip
    parser.add_argument("--width", type=int, default=200, help="numbers of a vector, at most")
    parser.add_argument("--cased", action="store_true", help="Polish is another word than polish")
    given = parser.parse_args()
    lines = texts(given.text, given.out.with_name(f"{given.out.name}-text"), given.cased)
    known = [word for word, count in Counter(w for line in lines for w in line).most_common()
             if count >= RARE]  # fmt: skip
    if given.width < 1 or not known:
        raise UserError(f"--width is {given.width}, and {len(known)} words are met {RARE} times",
                        fix="give a width of 1 or more, and more text")  # fmt: skip
    number = {word: i for i, word in enumerate(known)}
    rows = [[number.get(word, -1) for word in line] for line in lines]
    columns = min(FREQUENT, len(known))
    vectors = learn(together(rows, len(known), columns), min(given.width, columns))
    write_word_vectors(given.out, known, vectors.numpy())
    print(f"{sum(map(len, lines)):,} words, {len(known):,} of them different with a vector each")

    units = torch.nn.functional.normalize(vectors, dim=1)
    for i in [i for i, word in enumerate(known) if len(word) > 3][:12]:
        near = (units @ units[i]).topk(min(6, len(known))).indices.tolist()
        print(f"{known[i]:>10}: {', '.join(known[j] for j in near if j != i)}")


if __name__ == "__main__":
    run_command(main)
