"""The books of a beam search: who lives, who has ended, when to stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.search.history import History, IntArray
from seqgen.search.penalties import Coverage, Floats, LengthPenalty
from seqgen.search.pool import Pool, collect
from seqgen.search.step import Array, Hypothesis, Step

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Choice:
    """What a group goes on with in each of b inputs: [b, k], k places a group.

    Attributes:
        totals: sums of log-probabilities as processors left them; -inf in an empty place.
        rows: the row of this step that is continued.
        tokens: the token that continues it; any, to be ignored, in an empty place.
        own: the model's own log-probability of the token.
    """

    totals: Floats
    rows: IntArray
    tokens: IntArray
    own: Floats


class Books:
    """All that a beam search of B inputs remembers, in arrays with a row for each live input.

    Rows of the stepper are [b, width]: width is 1 at the first step, when an input has one
    beginning, and ``size`` after it, group by group. A place without a hypothesis has the
    total -inf; an input whose places are all empty is dropped.

    Args:
        limits: [B], the most tokens of each input.
        eos: the token that ends a sequence.
        size: K, live hypotheses an input.
        n_best: how many hypotheses an input gets.
        groups: how many groups the K places are divided into.
        diversity: what a token loses in rank for each earlier group's hypothesis with it.
        length: the length penalty.
        coverage: the coverage penalty.
    """

    def __init__(
        self,
        limits: IntArray,
        eos: int,
        size: int,
        n_best: int,
        groups: int,
        diversity: float,
        length: LengthPenalty,
        coverage: Coverage,
    ) -> None:
        self.live = np.arange(len(limits))
        self._limits, self._eos = limits, eos
        self._groups, self._places, self._diversity = groups, size // groups, diversity
        self._length, self._coverage = length, coverage
        self._history = History()
        self._position = 0
        self._totals = np.zeros((len(limits), 1))
        self._finished = Pool(len(limits), n_best)
        self._unfinished = Pool(len(limits), n_best)
        self._seen: set[tuple[int, bytes]] = set()

    def attend(self, attention: Array | None) -> None:
        """Note the attention [N, S] of this step, if there is any."""
        weights = None if attention is None else np.asarray(attention)
        if weights is not None:
            self._history.attend(weights)
        self._coverage.attend(weights)

    def advance(
        self, values: npt.NDArray[Any], ids: IntArray, own: npt.NDArray[Any] | None
    ) -> tuple[IntArray, IntArray]:
        """Choose among the best continuations of every row.

        Args:
            values: [N, c], log-probabilities as processors left them, descending.
            ids: [N, c], their tokens.
            own: [N, V], the model's own log-probabilities, where processors changed them.

        Returns:
            The rows that go on, with repetitions, and the token each is given: [M] both.
        """
        shape = (*self._totals.shape, values.shape[1])
        values, ids = values.astype(np.float64).reshape(shape), ids.reshape(shape)
        spent = np.zeros(shape[:2], np.bool_)  # rows that EOS finishes at this step
        taken = np.empty((shape[0], 0), np.int64)
        choices: list[_Choice] = []
        for group in range(self._groups):
            first = group * self._places if shape[1] > 1 else 0
            choice = self._choose(first, values, ids, own, taken, spent)
            choices.append(choice)
            if self._groups > 1:
                lives = choice.totals > -np.inf
                taken = np.concatenate([taken, np.where(lives, choice.tokens, -1)], axis=1)
        self._cut(values[:, :, 0] == -np.inf, spent)
        totals = np.concatenate([choice.totals for choice in choices], axis=1)
        totals[self._done(totals)] = -np.inf
        kept = np.flatnonzero((totals > -np.inf).any(axis=1))
        rows, tokens, log_probs = (
            np.concatenate(arrays, axis=1)[kept].reshape(-1)
            for arrays in zip(*((c.rows, c.tokens, c.own) for c in choices), strict=True)
        )
        self._history.extend(rows, tokens, log_probs)
        self._coverage.select(rows)
        self.live, self._totals = self.live[kept], totals[kept]
        self._position += 1
        return rows, tokens

    def step(self) -> Step:
        """How the search stands after the step just made."""
        inputs = np.repeat(self.live, self._totals.shape[1])
        return Step(self._position - 1, inputs, self._totals.reshape(-1), self._history)

    def results(self) -> list[list[Hypothesis]]:
        """The hypotheses of every input, once none is live."""
        return collect(self._history, self._finished, self._unfinished)

    def _choose(
        self,
        first: int,
        values: Floats,
        ids: IntArray,
        own: npt.NDArray[Any] | None,
        taken: IntArray,
        spent: Bools,
    ) -> _Choice:
        """Rank what continues one group's hypotheses; finish what ends; keep the best k.

        Args:
            first: the first place of the group, of [b, width].
            values: [b, width, c].
            ids: [b, width, c].
            own: [N, V] or None.
            taken: [b, x], the tokens with which earlier groups go on, -1 for none.
            spent: [b, width], in which the places that are finished are marked.
        """
        part = slice(first, first + self._places)  # or less: all of a first step
        sums = self._totals[:, part, None] + values[:, part]
        count, _, c = sums.shape
        sums, tokens = sums.reshape(count, -1), ids[:, part].reshape(count, -1)
        ranked = sums
        if taken.size:
            ranked = sums - self._diversity * (tokens[:, :, None] == taken[:, None]).sum(axis=2)
        order = np.argsort(-ranked, axis=1, kind="stable")[:, : 2 * self._places]
        inputs = np.arange(count)[:, None]
        flat = order + inputs * sums.shape[1]
        sums, tokens = sums.reshape(-1)[flat], tokens.reshape(-1)[flat]
        rows = order // c + (inputs * spent.shape[1] + first)
        log_probs = values[:, part].reshape(-1)[flat] if own is None else own[rows, tokens]
        over = (tokens == self._eos) | (sums == -np.inf)  # ends, or never was
        ended = over[:, : self._places] & (sums[:, : self._places] > -np.inf)
        if ended.any():
            at, rank = np.nonzero(ended)
            spent[at, rows[at, rank] - at * spent.shape[1]] = True
            self._finish(sums[:, : self._places], rows[:, : self._places], log_probs, ended)
        flat = np.argsort(over, axis=1, kind="stable")[:, : self._places] + inputs * sums.shape[1]
        empty = over.reshape(-1)[flat]
        choice = _Choice(
            np.where(empty, -np.inf, sums.reshape(-1)[flat]),
            rows.reshape(-1)[flat],
            tokens.reshape(-1)[flat],
            log_probs.reshape(-1)[flat],
        )
        return choice if flat.shape[1] == self._places else self._fill(choice)

    def _fill(self, choice: _Choice) -> _Choice:
        """Empty places up to k, where a small vocabulary had fewer continuations."""
        width = ((0, 0), (0, self._places - choice.totals.shape[1]))
        return _Choice(
            np.pad(choice.totals, width, constant_values=-np.inf),
            np.pad(choice.rows, width, mode="edge"),
            np.pad(choice.tokens, width, constant_values=self._eos),
            np.pad(choice.own, width),
        )

    def _finish(self, sums: Floats, rows: IntArray, lasts: Floats, ended: Bools) -> None:
        """File what EOS finishes: continuations with ``ended``, of the best k; [b, k] all."""
        time, ended = self._position, self._unseen(rows, ended)
        scores = self._length.score(sums, time + 1) + self._coverage.ended(rows, ended)
        scores[~ended] = -np.inf
        self._finished.add(self.live, scores, time, rows, lasts[:, : rows.shape[1]])

    def _cut(self, stuck: Bools, spent: Bools) -> None:
        """File, as unfinished, what cannot go on: no token does, or it is as long as may be.

        Both arguments are [b, width]: no token continues the place; EOS finishes it.
        """
        cut = stuck | (self._limits[self.live] == self._position)[:, None]
        cut &= ~spent & (self._totals > -np.inf)
        if cut.any():
            rows = np.arange(cut.size).reshape(cut.shape)
            cut = self._unseen(rows, cut)
            scores = self._length.score(self._totals, self._position)
            scores = np.where(cut, scores + self._coverage.cut(rows, cut), -np.inf)
            nothing = np.full(rows.shape, np.nan)
            self._unfinished.add(self.live, scores, self._position, rows, nothing)

    def _unseen(self, rows: IntArray, chosen: Bools) -> Bools:
        """Of the ``chosen`` rows [b, m] those whose tokens no other group has handed in."""
        if self._groups == 1:
            return chosen
        at, column = np.nonzero(chosen)
        tokens = self._history.tokens(self._position, rows[at, column])
        result = np.zeros_like(chosen)
        for place, m, written in zip(at.tolist(), column.tolist(), tokens, strict=True):
            key = (int(self.live[place]), written.tobytes())
            result[place, m] = key not in self._seen
            self._seen.add(key)
        return result

    def _done(self, totals: Floats) -> Bools:
        """The inputs [b] in which nothing that lives ([b, K]) can improve the result."""
        limits, worst = self._limits[self.live], self._finished.scores[self.live, -1]
        bound = self._length.bound(totals.max(axis=1), self._position + 2, limits + 1)
        done: Bools = (limits == self._position) | (worst >= bound)
        return done
