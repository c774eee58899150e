"""The baseline beside classify.py: logistic regression on which words and word pairs are there.

    python recipes/bag_of_words.py                              # who a scene is about
    python recipes/bag_of_words.py --corpus ag_news             # SEQGEN_DATA names the data

Weight decay is chosen on the validation part, the one that classify.py has; then it is tested.
"""

import argparse
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

from seqgen.cli import run_command
from seqgen.data.labels import hold_out, read_labelled
from seqgen.label_corpora import LABELLED, labelled_text
from seqgen.lines import metric_line
from seqgen.scoring.labels import label_scores

DECAYS = (3e-3, 3e-2, 3e-1)
EPOCHS, BATCH, RATE, SEED = 15, 64, 0.02, 1


def features(text: str) -> list[str]:
    """The different words and pairs of words that follow each other."""
    words = re.findall(r"\w+|[^\w\s]", text.lower())
    pairs = [f"{one} {other}" for one, other in pairwise(words)]
    return sorted({*words, *pairs})


class Regression(nn.Module):
    """A weight for each feature and label; a text's features count one in all."""

    def __init__(self, size: int, labels: int) -> None:
        super().__init__()
        self.weights = nn.EmbeddingBag(size, labels, mode="mean", padding_idx=0)
        self.bias = nn.Parameter(torch.zeros(labels))
        nn.init.zeros_(self.weights.weight)

    def forward(self, rows: list[list[int]]) -> torch.Tensor:
        """Logits [B, L] of rows of feature numbers."""
        longest = max(map(len, rows))
        padded = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        shares = torch.tensor([[float(len(row)) ** 0.5] for row in rows])
        return self.weights(padded) * shares + self.bias


def fit(rows: list[list[int]], labels: list[int], model: Regression, decay: float) -> None:
    """Least cross-entropy by AdamW, in an order that the seed gives."""
    torch.manual_seed(SEED)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=decay)
    for _ in range(EPOCHS):
        for some in torch.randperm(len(rows)).split(BATCH):
            right = torch.tensor([labels[i] for i in some])
            loss = nn.functional.cross_entropy(model([rows[i] for i in some]), right)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def main() -> None:
    """Fit with each weight decay, keep what does best on validation, and score it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", choices=LABELLED, default="scenes")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder for its texts")
    given = parser.parse_args()
    text = labelled_text(given.corpus, given.out / f"bag-{given.corpus}-text")
    train, valid = hold_out(read_labelled(text.train), 0.1, SEED)
    if text.valid:
        train, valid = read_labelled(text.train), read_labelled(text.valid)
    counts = Counter(name for one in train for name in features(one.item))
    known = {name: n for n, (name, count) in enumerate(counts.items(), start=1) if count > 1}
    names = sorted({one.label for one in train})

    def rows(some):
        return [[known[name] for name in features(one.item) if name in known] for one in some]

    def classify(model, some):
        return [names[i] for i in model(rows(some)).argmax(1).tolist()]

    best, chosen = None, -1.0
    for decay in DECAYS:
        model = Regression(len(counts) + 1, len(names))
        fit(rows(train), [names.index(one.label) for one in train], model, decay)
        score = label_scores(classify(model, valid), [one.label for one in valid])[0].value
        print(f"weight decay {decay:g}: validation accuracy {score:.2f}")
        if score > chosen:
            best, chosen = model, score
    test = read_labelled(text.test)
    found = label_scores(classify(best, test), [one.label for one in test], bootstrap=1000)
    print("\ntest:", *map(metric_line, found), sep="\n")


if __name__ == "__main__":
    run_command(main)
