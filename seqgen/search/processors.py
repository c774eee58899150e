"""Changes to a model's log-probabilities, between the model and the search.

A processor is a pure function of what each row has written and of the log-probabilities of
what it may write next. It treats rows alike and apart, never writes into its arguments, and
never raises a log-probability (a search counts on that when it stops). What it leaves is not
normalised again. All of it may be -inf: then the row cannot go on, and comes back unfinished.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from seqgen.errors import UserError
from seqgen.search.history import FloatArray, IntArray

Processor: TypeAlias = Callable[[IntArray, FloatArray], FloatArray]
"""``(prefix [N, t], log_probs [N, V]) -> log_probs [N, V]``; ``prefix`` is without BOS."""


def process(log_probs: Any, prefix: IntArray, processors: Sequence[Processor]) -> Any:
    """Apply ``processors`` in order.

    Args:
        log_probs: [N, V], anything ``np.asarray`` takes.
        prefix: [N, t].
        processors: the first is applied first.

    Returns:
        A NumPy array [N, V]; without any processor, ``log_probs`` as they are.
    """
    for number, processor in enumerate(processors):
        log_probs = processor(prefix, log_probs if number else np.asarray(log_probs))
    return log_probs


def _forbid(log_probs: FloatArray, rows: Any, tokens: Any) -> FloatArray:
    result = log_probs.copy()
    result[rows, tokens] = -np.inf
    return result


def _check_tokens(tokens: Sequence[int], name: str) -> None:
    if any(token < 0 for token in tokens):
        raise UserError(f"token {min(tokens)} is less than 0", name)


@dataclass(frozen=True)
class MinimumLength:
    """No end before a number of tokens.

    Args:
        length: the fewest tokens of a hypothesis, EOS not counted.
        eos: the token that ends a sequence.

    Raises:
        UserError: either is less than 0.
    """

    length: int
    eos: int

    def __post_init__(self) -> None:
        if self.length < 0:
            raise UserError(f"a minimum length of {self.length} is less than 0")
        _check_tokens([self.eos], "minimum length")

    def __call__(self, prefix: IntArray, log_probs: FloatArray) -> FloatArray:
        """Forbid EOS while the prefix is shorter."""
        if prefix.shape[1] >= self.length:
            return log_probs
        return _forbid(log_probs, slice(None), self.eos)


@dataclass(frozen=True)
class NoRepeat:
    """No n-gram twice in one hypothesis (Paulus et al. 2018, with n = 3).

    Args:
        n: 1 or more; 1 lets no token occur twice.

    Raises:
        UserError: ``n`` is less than 1.
    """

    n: int

    def __post_init__(self) -> None:
        if self.n < 1:
            raise UserError(f"n-grams of {self.n} tokens cannot be kept from repeating")

    def __call__(self, prefix: IntArray, log_probs: FloatArray) -> FloatArray:
        """Forbid every token that would complete an n-gram of the prefix once more."""
        length = prefix.shape[1]
        if length < self.n:
            return log_probs
        grams = np.lib.stride_tricks.sliding_window_view(prefix, self.n, axis=1)
        begun = prefix[:, None, length - self.n + 1 :]  # [N, 1, n - 1]
        rows, places = np.nonzero((grams[:, :, :-1] == begun).all(axis=2))
        if not len(rows):
            return log_probs
        return _forbid(log_probs, rows, grams[rows, places, -1])


@dataclass(frozen=True)
class RepetitionPenalty:
    """Tokens that have occurred become less probable (Keskar et al. 2019, CTRL).

    Their log-probability is multiplied by the penalty, as CTRL does to a negative logit.

    Args:
        penalty: 1 or more; 1 changes nothing. CTRL uses 1.2.

    Raises:
        UserError: it is less than 1, or not finite.
    """

    penalty: float

    def __post_init__(self) -> None:
        if not 1 <= self.penalty < float("inf"):
            raise UserError(f"a repetition penalty of {self.penalty} is not 1 or more")

    def __call__(self, prefix: IntArray, log_probs: FloatArray) -> FloatArray:
        """Multiply the log-probabilities of the tokens of the prefix, once each."""
        result = log_probs.copy()
        seen = np.take_along_axis(log_probs, prefix, axis=1)
        np.put_along_axis(result, prefix, seen * self.penalty, axis=1)
        return result


@dataclass(frozen=True)
class Ban:
    """Sequences of tokens that must not occur in a hypothesis.

    Args:
        sequences: none of them empty. One may be (EOS,), but nothing comes after an EOS.

    Raises:
        UserError: a sequence is empty or holds a negative token.
    """

    sequences: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        for sequence in self.sequences:
            if not sequence:
                raise UserError("an empty sequence cannot be banned")
            _check_tokens(sequence, "banned tokens")

    @cached_property
    def _by_size(self) -> dict[int, IntArray]:
        sizes = {len(sequence) for sequence in self.sequences}
        return {n: np.array([s for s in self.sequences if len(s) == n]) for n in sorted(sizes)}

    def __call__(self, prefix: IntArray, log_probs: FloatArray) -> FloatArray:
        """Forbid every token that would complete one of the sequences."""
        length = prefix.shape[1]
        for size, banned in self._by_size.items():  # banned [M, size]
            if size == 1:
                log_probs = _forbid(log_probs, slice(None), banned[:, 0])
            elif size <= length + 1:
                ends = prefix[:, None, length - size + 1 :]  # [N, 1, size - 1]
                rows, which = np.nonzero((ends == banned[:, :-1]).all(axis=2))
                if len(rows):
                    log_probs = _forbid(log_probs, rows, banned[which, -1])
        return log_probs


@dataclass(frozen=True)
class ForcedPrefix:
    """Every hypothesis begins with the same tokens; what they cost is the model's to say.

    Args:
        tokens: without BOS. EOS as the last makes it the whole hypothesis.

    Raises:
        UserError: a token is negative.
    """

    tokens: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_tokens(self.tokens, "forced prefix")

    def __call__(self, prefix: IntArray, log_probs: FloatArray) -> FloatArray:
        """Forbid all but the token that is due."""
        if prefix.shape[1] >= len(self.tokens):
            return log_probs
        result = np.full_like(log_probs, -np.inf)
        due = self.tokens[prefix.shape[1]]
        result[:, due] = log_probs[:, due]
        return result
