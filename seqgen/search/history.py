"""What a search has chosen so far, kept as back-pointers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.floating[Any]]


class History:
    """The tokens, their log-probabilities and the attention of all live rows, step by step.

    Each step adds three arrays as long as it has rows and never touches older ones. A row is
    written out only when somebody asks, by following its parents back to the start; nothing
    is copied when rows are reordered. At *time* t a row holds t tokens.
    """

    def __init__(self) -> None:
        self._parents: list[IntArray] = []
        self._tokens: list[IntArray] = []
        self._log_probs: list[FloatArray] = []
        self._attention: list[npt.NDArray[Any]] = []

    def attend(self, attention: npt.NDArray[Any]) -> None:
        """Keep the attention [N, S] with which the rows of this time choose their next token."""
        self._attention.append(attention)

    def extend(self, parents: IntArray, tokens: IntArray, log_probs: FloatArray) -> None:
        """Go one time further.

        Args:
            parents: [M], the row at this time that each row of the next one continues.
            tokens: [M], the token it adds.
            log_probs: [M], the model's log-probability of that token.
        """
        self._parents.append(parents)
        self._tokens.append(tokens)
        self._log_probs.append(log_probs)

    def tokens(self, time: int, rows: IntArray) -> IntArray:
        """The tokens [M, time] of ``rows`` [M] at ``time``."""
        tokens = np.empty((len(rows), time), np.int64)
        for t in range(time - 1, -1, -1):
            tokens[:, t] = self._tokens[t][rows]
            rows = self._parents[t][rows]
        return tokens

    def trace(
        self, times: IntArray, rows: IntArray
    ) -> tuple[IntArray, FloatArray, npt.NDArray[Any] | None]:
        """Write out M hypotheses, the m-th being row ``rows[m]`` at time ``times[m]``.

        Returns:
            Tokens [M, T] and log-probabilities [M, T], T the greatest of ``times``, and the
            attention [M, T + 1, S] (None where there is none), whose row t is that of token t
            and whose row ``times[m]`` is that of the token which ended m. What lies behind a
            hypothesis's own end is zero.
        """
        count, last = len(rows), int(times.max(initial=0))
        tokens = np.zeros((count, last), np.int64)
        log_probs = np.zeros((count, last))
        attention = None
        if self._attention:
            first = self._attention[0]
            attention = np.zeros((count, last + 1, first.shape[1]), first.dtype)
        here = rows.copy()
        for t in range(last, -1, -1):
            inside = np.flatnonzero(times > t)
            if t < last:
                tokens[inside, t] = self._tokens[t][here[inside]]
                log_probs[inside, t] = self._log_probs[t][here[inside]]
                here[inside] = self._parents[t][here[inside]]
            if attention is not None and t < len(self._attention):
                inside = np.flatnonzero(times >= t)
                attention[inside, t] = self._attention[t][here[inside]]
        return tokens, log_probs, attention
