"""The best hypotheses that have ended, for every input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.search.history import FloatArray, History, IntArray
from seqgen.search.step import Hypothesis


class Pool:
    """For each of C searches the best ``size`` hypotheses added so far, best first.

    A hypothesis is a row at a time in a `History`, its score, and the log-probability of the
    token that ended it. An empty place has the score -inf.

    Attributes:
        scores: [C, size], descending.
        times: [C, size], the number of tokens.
        rows: [C, size], the row at that time.
        lasts: [C, size], the model's log-probability of EOS; NaN for one that is unfinished.
    """

    def __init__(self, count: int, size: int) -> None:
        self.scores = np.full((count, size), -np.inf)
        self.times = np.zeros((count, size), np.int64)
        self.rows = np.zeros((count, size), np.int64)
        self.lasts = np.full((count, size), np.nan)

    def arrays(self) -> tuple[FloatArray, IntArray, IntArray, FloatArray]:
        """Scores, times, rows and lasts."""
        return self.scores, self.times, self.rows, self.lasts

    def add(
        self, places: IntArray, scores: FloatArray, time: int, rows: IntArray, lasts: FloatArray
    ) -> None:
        """Add up to M hypotheses to each of the N inputs ``places``.

        Of equal scores the one that was added first stands first.

        Args:
            places: [N], each at most once.
            scores: [N, M]; -inf where there is no hypothesis.
            time: the number of tokens of them all.
            rows: [N, M].
            lasts: [N, M].
        """
        size = self.scores.shape[1]
        merged = np.concatenate([self.scores[places], scores], axis=1)
        best = np.argsort(-merged, axis=1, kind="stable")[:, :size]

        def keep(old: npt.NDArray[Any], new: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return np.take_along_axis(np.concatenate([old[places], new], axis=1), best, 1)

        self.times[places] = keep(self.times, np.full(rows.shape, time))
        self.rows[places] = keep(self.rows, rows)
        self.lasts[places] = keep(self.lasts, lasts)
        self.scores[places] = np.take_along_axis(merged, best, 1)


def collect(history: History, finished: Pool, unfinished: Pool) -> list[list[Hypothesis]]:
    """Write out the best of what has ended, for each of the C inputs of both pools.

    An input gets as many hypotheses as ``finished`` holds at most; where it holds fewer,
    unfinished ones stand behind them.
    """
    count, n_best = finished.scores.shape
    scores, times, rows, lasts = (
        np.concatenate([ended, cut], axis=1)
        for ended, cut in zip(finished.arrays(), unfinished.arrays(), strict=True)
    )
    is_cut = np.zeros(scores.shape, np.int64)
    is_cut[:, n_best:] = 1
    order = np.lexsort((-scores, np.where(scores == -np.inf, 2, is_cut)), axis=1)[:, :n_best]
    owner, rank = np.nonzero(np.take_along_axis(scores, order, 1) > -np.inf)
    chosen = owner, order[owner, rank]
    results: list[list[Hypothesis]] = [[] for _ in range(count)]
    found = _write(history, scores[chosen], times[chosen], rows[chosen], lasts[chosen])
    for hypothesis, place in zip(found, owner.tolist(), strict=True):
        results[place].append(hypothesis)
    return results


def _write(
    history: History, scores: FloatArray, times: IntArray, rows: IntArray, lasts: FloatArray
) -> Iterator[Hypothesis]:
    """Make a `Hypothesis` of each of M ends; it is unfinished where ``lasts`` [M] is NaN."""
    tokens, log_probs, attention = history.trace(times, rows)
    numbers = np.arange(len(rows))
    finished = ~np.isnan(lasts)
    lengths = times + finished
    log_probs = np.pad(log_probs, ((0, 0), (0, 1)))
    log_probs[numbers[finished], times[finished]] = lasts[finished]
    totals = np.pad(np.cumsum(log_probs, axis=1), ((0, 0), (1, 0)))[numbers, lengths]
    for m, (time, length) in enumerate(zip(times.tolist(), lengths.tolist(), strict=True)):
        yield Hypothesis(
            tokens=tuple(tokens[m, :time].tolist()),
            score=float(scores[m]),
            log_prob=float(totals[m]),
            token_log_probs=tuple(log_probs[m, :length].tolist()),
            attention=None if attention is None else attention[m, :length],
            finished=bool(finished[m]),
        )
