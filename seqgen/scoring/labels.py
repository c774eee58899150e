"""Scores of labels: accuracy, macro F1, and which label was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqgen.errors import UserError
from seqgen.scoring.metrics import Metric, check_resamples
from seqgen.scoring.resample import SEED, interval

_WIDE = 16  # characters of a label in a table
_CORNER = "right \\ given"


@dataclass(frozen=True)
class Confusion:
    """How often each label was given to each.

    Attributes:
        labels: [L], all that were given or right, sorted.
        counts: [L, L]; a row is the right label, a column the one given.
    """

    labels: tuple[str, ...]
    counts: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Share of the right ones, in percent."""
        return 100.0 * float(np.trace(self.counts)) / float(self.counts.sum())

    @property
    def f1(self) -> NDArray[np.float64]:
        """[L] F1 of each label, in percent: the harmonic mean of its precision and recall."""
        given, right = self.counts.sum(0), self.counts.sum(1)
        both: NDArray[np.float64] = 200.0 * self.counts.diagonal() / np.maximum(given + right, 1)
        return both

    @property
    def macro_f1(self) -> float:
        """Mean of ``f1`` over the labels that were given or right."""
        there = self.counts.sum(0) + self.counts.sum(1) > 0
        return float(self.f1[there].mean())

    def table(self) -> str:
        """The counts as text: a row a right label, with precision, recall and F1 at its end."""
        names = [name if len(name) <= _WIDE else name[: _WIDE - 1] + "…" for name in self.labels]
        given, right = np.maximum(self.counts.sum(0), 1), np.maximum(self.counts.sum(1), 1)
        heads = [_CORNER, *names, "precision", "recall", "F1"]
        rows = [heads]
        for i, name in enumerate(names):
            hits = 100.0 * self.counts[i, i]
            scores = (hits / given[i], hits / right[i], self.f1[i])
            rows.append([name, *map(str, self.counts[i]), *(f"{score:.1f}" for score in scores)])
        wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for first, *rest in rows:
            cells = [f"{cell:>{size}}" for cell, size in zip(rest, wide[1:], strict=True)]
            lines.append("  ".join([f"{first:<{wide[0]}}", *cells]))
        return "\n".join(lines)


def confusion(hypotheses: Sequence[str], references: Sequence[str]) -> Confusion:
    """Count which label was given to which.

    Args:
        hypotheses: the labels given.
        references: the right ones, parallel to ``hypotheses``.

    Raises:
        UserError: there are none, or not as many of both.
    """
    if len(hypotheses) != len(references):
        raise UserError(f"there are {len(hypotheses)} labels but {len(references)} references")
    if not hypotheses:
        raise UserError("there are no labels to score")
    labels = tuple(sorted({*hypotheses, *references}))
    numbers = {label: number for number, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), np.int64)
    rows, columns = ([numbers[label] for label in side] for side in (references, hypotheses))
    np.add.at(counts, (rows, columns), 1)
    return Confusion(labels, counts)


def label_scores(
    hypotheses: Sequence[str], references: Sequence[str], bootstrap: int = 0
) -> list[Metric]:
    """Accuracy and macro F1, in percent.

    Macro F1 is the mean of every label's F1 (as in scikit-learn; not the F1 of mean precision
    and recall), over the labels that were given or right.

    Args:
        hypotheses: the labels given.
        references: the right ones, parallel to ``hypotheses``.
        bootstrap: resamples for the interval, 0 for none.

    Raises:
        UserError: as in ``confusion``, or there are too few resamples.
    """
    check_resamples(bootstrap)
    whole = confusion(hypotheses, references)
    count = len(references)
    # Rows drawn anew are cells drawn anew, each as often as its share.
    chance, shares = np.random.default_rng(SEED), (whole.counts / count).ravel()
    drawn = chance.multinomial(count, shares, size=bootstrap).reshape(-1, *whole.counts.shape)
    again = [Confusion(whole.labels, counts) for counts in drawn]
    signature = f"labels:{len(whole.labels)}" + f"|bs:{bootstrap}|seed:{SEED}" * bool(bootstrap)
    return [
        Metric("accuracy", whole.accuracy, signature,
               *interval([one.accuracy for one in again]), count),
        Metric("macro F1", whole.macro_f1, signature,
               *interval([one.macro_f1 for one in again]), count),
    ]  # fmt: skip
