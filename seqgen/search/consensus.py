"""Consensus: of the best outputs of a beam, the one most like all of them."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.errors import UserError
from seqgen.search.beam import Beam
from seqgen.search.history import FloatArray, IntArray
from seqgen.search.processors import Processor
from seqgen.search.step import Hypothesis, Step, Stepper

ORDERS = 4  # n-grams of 1 to 4 tokens
SIGMA = 6.0  # tokens by which lengths may differ before it costs much


@dataclass(frozen=True)
class Consensus:
    """Search with a beam, and choose of all that it ends with the one most like the others.

    The most probable output may be an odd one out. This is the one that is expected to be most
    like a good output, the model being believed: minimum Bayes risk over a list of the best
    (Kumar and Byrne 2004, "Minimum Bayes-Risk Decoding for Statistical Machine Translation").
    With s the sums of log-probabilities (as processors left them) of the beam's K outputs, each
    is believed by q = softmax(s / temperature), and scores the sum of q times its `likeness` to
    each, itself included. Unfinished ones are believed only where all are.

    Args:
        size: K, of the beam.
        temperature: above 0. Towards 0 the most probable output wins, towards infinity all
            count the same.
        n_best: how many hypotheses an input gets, at most ``size``.

    Raises:
        UserError: a value outside its range.
    """

    size: int = 10
    temperature: float = 2.0
    n_best: int = 1

    def __post_init__(self) -> None:
        Beam(self.size, n_best=self.n_best)
        if not 0 < self.temperature < math.inf:
            raise UserError(f"temperature = {self.temperature} is out of range", "consensus")

    def run(
        self,
        stepper: Stepper[Any],
        inputs: Any,
        max_lengths: IntArray,
        processors: Sequence[Processor] = (),
        rows: IntArray | None = None,
    ) -> Generator[Step, None, list[list[Hypothesis]]]:
        """Search; see `seqgen.search.step.Strategy`. Up to ``n_best`` hypotheses an input."""
        beam = Beam(self.size, length_penalty=0.0, n_best=self.size)
        found = yield from beam.run(stepper, inputs, max_lengths, processors, rows)
        return [self._chosen(ended) for ended in found]

    def _chosen(self, ended: list[Hypothesis]) -> list[Hypothesis]:
        """The best of what a beam has ended with, for one input."""
        if not ended:
            return []
        finished = np.array([h.finished for h in ended])
        counts = finished if finished.any() else ~finished
        sums = np.where(counts, [h.score for h in ended], -np.inf) / self.temperature
        belief = np.exp(sums - sums.max())
        scores = likeness([h.tokens for h in ended]) @ (belief / belief.sum())
        order = sorted(range(len(ended)), key=lambda i: (not ended[i].finished, -scores[i]))
        return [replace(ended[i], score=float(scores[i])) for i in order[: self.n_best]]


def likeness(texts: Sequence[tuple[int, ...]]) -> FloatArray:
    r"""How like each two of U texts are: [U, U], 0 to 1.

    With l the number of tokens and g_n the counts of n-grams of tokens,

        exp(-(l_a - l_b)^2 / (2 sigma^2)) mean_n g_n(a) . g_n(b) / (|g_n(a)| |g_n(b)|),

    that is CIDEr-D (Vedantam et al. 2015) where all n-grams weigh the same and none is clipped.
    The mean is over n = 1 to 4, less where both texts are shorter: so a text is like itself by 1.
    """
    lengths = np.array([len(text) for text in texts])
    total = np.zeros((len(texts), len(texts)))
    for n in range(1, ORDERS + 1):
        counts = _counts(texts, n)
        norms = np.linalg.norm(counts, axis=1, keepdims=True)
        counts /= np.where(norms > 0, norms, 1.0)
        total += counts @ counts.T
    longer = np.maximum(lengths[:, None], lengths)
    total = np.where(longer > 0, total / np.clip(longer, 1, ORDERS), 1.0)
    gap = lengths[:, None] - lengths
    result: FloatArray = total * np.exp(-(gap**2) / (2 * SIGMA**2))
    return result


def _counts(texts: Sequence[tuple[int, ...]], n: int) -> npt.NDArray[np.float64]:
    """How often each n-gram stands in each text: [U, n-grams of one n]."""
    known: dict[tuple[int, ...], int] = {}
    cells = [
        (row, known.setdefault(text[i : i + n], len(known)))
        for row, text in enumerate(texts)
        for i in range(len(text) - n + 1)
    ]
    counts = np.zeros((len(texts), len(known)))
    if cells:
        np.add.at(counts, tuple(np.array(cells).T), 1.0)
    return counts
