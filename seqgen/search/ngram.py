"""A language model that counts: n-grams with interpolated Kneser-Ney smoothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.errors import UserError
from seqgen.search.history import IntArray
from seqgen.search.top import top

Context = tuple[int, ...]


@dataclass(frozen=True)
class _Follow:
    """What was seen after one context.

    Attributes:
        counts: of each token; below the highest order, of the contexts it was new in.
        total: their sum.
    """

    counts: dict[int, int]
    total: int


@dataclass(frozen=True)
class Contexts:
    """The last n - 1 tokens of N texts; ``fresh`` until the first step."""

    rows: tuple[Context, ...]
    fresh: bool


class NGram:
    """The probability of a token after the n - 1 tokens before it, as a ``Stepper``.

    Interpolated Kneser-Ney smoothing (Kneser & Ney 1995; Chen & Goodman 1999, section 2.7):

        p(w | h) = max(c(h w) - D, 0) / c(h) + D N(h •) / c(h) * p(w | h without its first)

    with D one discount an order, (n_1 + 1/2) / (n_1 + 2 n_2 + 1) of the numbers of n-grams
    that were counted once and twice. Below the highest order c(h w) is the number of different
    tokens before h w. The last one to be asked is the uniform distribution over all V tokens,
    so no probability is 0.

    Args:
        tokens: a text, [N] token ids.
        order: n; 1 knows no context.
        vocab_size: V.
        bos: the token that stands before the text; an input begins after it.
        eos: the token that would end a sequence.

    Raises:
        UserError: there are no tokens, or one is out of range.
    """

    def __init__(
        self, tokens: Sequence[int], order: int, vocab_size: int, bos: int, eos: int
    ) -> None:
        if order < 1:
            raise UserError(f"the order of an n-gram model must be at least 1, not {order}")
        text = [bos, *map(int, tokens)]
        if len(text) == 1:
            raise UserError("there is no text to count")
        if not 0 <= min(text) <= max(text) < vocab_size:
            raise UserError(f"a token is not in 0 to {vocab_size - 1}")
        self.order, self.vocab_size, self.bos, self.eos = order, vocab_size, bos, eos
        first = 1 if order == 1 else 0  # nothing predicts the token before the text
        counts = Counter(zip(*(text[first + i :] for i in range(order)), strict=False))
        self.tables: list[dict[Context, _Follow]] = []  # by the length of the context
        self.discounts: list[float] = []
        while True:
            self.tables.insert(0, _follow(counts))
            self.discounts.insert(0, _discount(counts.values()))
            if len(self.tables) == order:
                break
            counts = Counter(gram[1:] for gram in counts)

    def start(self, inputs: Sequence[Sequence[int]]) -> Contexts:
        """The contexts after the beginnings [B] of texts, each its tokens; all may be empty."""
        return Contexts(tuple(self._cut((self.bos, *map(int, row))) for row in inputs), True)

    def step(
        self, tokens: IntArray, state: Contexts
    ) -> tuple[npt.NDArray[np.float64], Contexts, None]:
        """Log-probabilities [N, V] and the new contexts; what is fed first is in them already."""
        rows = state.rows
        if not state.fresh:
            rows = tuple(
                self._cut((*context, token))
                for context, token in zip(rows, tokens.tolist(), strict=True)
            )
        log_probs = np.log([self.distribution(context) for context in rows])
        return log_probs, Contexts(rows, False), None

    def select(self, state: Contexts, rows: IntArray) -> Contexts:
        """The rows [M] of ``state``, in that order."""
        return Contexts(tuple(state.rows[row] for row in rows.tolist()), state.fresh)

    def top(self, log_probs: Any, k: int) -> tuple[npt.NDArray[Any], IntArray]:
        """The k largest of each row [N, V], largest first: values and ids, each [N, k]."""
        return top(np.asarray(log_probs), k)

    def distribution(self, context: Context) -> npt.NDArray[np.float64]:
        """The probabilities [V] of the token after ``context``."""
        probs = np.full(self.vocab_size, 1.0 / self.vocab_size)
        for follow, discount in self._known(context):
            probs *= discount * len(follow.counts) / follow.total
            seen = np.fromiter(follow.counts, np.int64, len(follow.counts))
            counts = np.fromiter(follow.counts.values(), np.float64, len(follow.counts))
            probs[seen] += (counts - discount) / follow.total
        return probs

    def score(self, tokens: Sequence[int]) -> npt.NDArray[np.float64]:
        """The log-probability in nats of each token of a text, [N]."""
        text = (self.bos, *(int(token) for token in tokens))
        found = np.empty(len(text) - 1)
        for place in range(1, len(text)):
            prob = 1.0 / self.vocab_size
            for follow, discount in self._known(text[max(0, place - self.order + 1) : place]):
                prob *= discount * len(follow.counts) / follow.total
                count = follow.counts.get(text[place], 0)
                if count:
                    prob += (count - discount) / follow.total
            found[place - 1] = prob
        log_probs: npt.NDArray[np.float64] = np.log(found)
        return log_probs

    def _cut(self, context: Context) -> Context:
        """The tokens of a context that count."""
        return context[max(0, len(context) - self.order + 1) :]

    def _known(self, context: Context) -> Iterable[tuple[_Follow, float]]:
        """What was seen after the ends of ``context``, shortest first, with the discounts."""
        for length, discount in enumerate(self.discounts[: len(context) + 1]):
            follow = self.tables[length].get(context[len(context) - length :])
            if follow is None:
                return
            yield follow, discount


def _follow(counts: Counter[Context]) -> dict[Context, _Follow]:
    """Counts of n-grams by what comes before their last token."""
    found: dict[Context, dict[int, int]] = {}
    for gram, count in counts.items():
        found.setdefault(gram[:-1], {})[gram[-1]] = count
    return {context: _Follow(seen, sum(seen.values())) for context, seen in found.items()}


def _discount(counts: Iterable[int]) -> float:
    """What every count gives up, above 0 and below 1 also where few were seen."""
    often = Counter(count for count in counts if count < 3)
    return (often[1] + 0.5) / (often[1] + 2 * often[2] + 1.0)
