"""The score of a hypothesis: its log-probability under a length and a coverage penalty."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.errors import UserError
from seqgen.search.history import IntArray

Floats = npt.NDArray[np.float64]


class LengthPenalty:
    """score = log_prob / ((5 + |y|) / 6)^alpha, |y| with EOS (Wu et al. 2016, equation 14).

    Args:
        alpha: above 0 favours long hypotheses, below 0 short ones; at 0 nothing changes.
        longest: the greatest |y| that will be asked for.
    """

    def __init__(self, alpha: float, longest: int) -> None:
        self._divisors = ((5.0 + np.arange(longest + 1)) / 6.0) ** alpha

    def score(self, totals: Floats, length: int) -> Floats:
        """The scores of hypotheses of ``length`` tokens whose log-probabilities are ``totals``."""
        scores: Floats = totals / self._divisors[length]
        return scores

    def bound(self, totals: Floats, shortest: int, longest: IntArray) -> Floats:
        """The best scores that hypotheses which now stand at ``totals`` can end with.

        A log-probability only falls, and the penalty is monotonic in the length: the best
        case is that it stays and the hypothesis ends as soon, or as late, as it can.

        Args:
            totals: [N].
            shortest: the least length any of them can end with.
            longest: [N], the greatest.
        """
        early = totals / self._divisors[np.minimum(shortest, longest)]
        return np.maximum(early, totals / self._divisors[longest])


class Coverage:
    """beta * Σ_i log(min(Σ_j a_ij, 1)) over the positions i of the input (Wu et al. 2016).

    At most 0, which is all that a bound of the score may assume. A position on which no
    attention was ever spent, exactly, counts as padding and costs nothing: the padding of a
    batch is such, and what a hypothesis is worth must not depend on it.

    Args:
        beta: 0 (no penalty; no attention needed) or more.
    """

    def __init__(self, beta: float) -> None:
        self._beta = beta
        self._before: Floats | None = None
        self._sums: Floats | None = None

    def attend(self, attention: npt.NDArray[Any] | None) -> None:
        """Add the attention [N, S] of one step.

        Raises:
            UserError: there is none, and ``beta`` is not 0.
        """
        if not self._beta:
            return
        if attention is None:
            raise UserError(
                "a coverage penalty needs a model with attention", fix="set coverage_penalty = 0"
            )
        self._before = np.zeros(attention.shape) if self._sums is None else self._sums
        self._sums = self._before + attention

    def select(self, rows: IntArray) -> None:
        """Follow the rows of the search."""
        if self._sums is not None:
            self._sums = self._sums[rows]

    def ended(self, rows: IntArray, where: npt.NDArray[np.bool_]) -> Floats:
        """What ``rows`` lose that end at this step, EOS's attention counted.

        Args:
            rows: any shape.
            where: the same shape; the rest is 0.
        """
        return self._penalty(self._sums, rows, where)

    def cut(self, rows: IntArray, where: npt.NDArray[np.bool_]) -> Floats:
        """What ``rows`` lose that had ended, unfinished, when this step began."""
        return self._penalty(self._before, rows, where)

    def _penalty(self, sums: Floats | None, rows: IntArray, where: npt.NDArray[np.bool_]) -> Floats:
        result = np.zeros(rows.shape)
        if sums is not None:
            covered = sums[rows[where]]
            logs = np.log(np.where(covered > 0, np.minimum(covered, 1.0), 1.0))
            # cumsum adds from left to right, so that zeros behind the input change no bit
            result[where] = self._beta * np.cumsum(logs, axis=1)[:, -1]
        return result
