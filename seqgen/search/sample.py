"""Greedy search and sampling: one hypothesis a row, one step after the other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.errors import UserError
from seqgen.search.history import FloatArray, History, IntArray
from seqgen.search.pool import Pool, collect
from seqgen.search.processors import Processor, process
from seqgen.search.step import Array, Hypothesis, Step, Stepper, check_lengths, move
from seqgen.search.top import refuse_nan

Pick = Callable[[Array, IntArray], tuple[IntArray, npt.NDArray[Any]]]
"""``(log_probs [N, V], inputs [b]) -> tokens, their log-probs [N, d]``; -1, -inf for no token."""

_BLOCK = 128


@dataclass(frozen=True)
class Greedy:
    """Take the most probable token at every step.

    The score is the sum of the log-probabilities as processors left them. The hypothesis is
    that of ``Beam(size=1, length_penalty=0)``.
    """

    def run(
        self,
        stepper: Stepper[Any],
        inputs: Any,
        max_lengths: IntArray,
        processors: Sequence[Processor] = (),
        rows: IntArray | None = None,
    ) -> Generator[Step, None, list[list[Hypothesis]]]:
        """Search; see `seqgen.search.step.Strategy`. Every input gets one hypothesis."""
        return _walk(stepper, inputs, max_lengths, processors, self.picker(stepper), samples=1)

    def picker(self, stepper: Stepper[Any], numbers: Sequence[int] = ()) -> Pick:
        """What chooses the next tokens, whatever the ``numbers`` of the inputs."""

        def pick(log_probs: Array, _: IntArray) -> tuple[IntArray, npt.NDArray[Any]]:
            values, ids = stepper.top(log_probs, 1)
            refuse_nan(values)
            return np.where(values > -np.inf, ids, -1), values

        return pick


@dataclass(frozen=True)
class Sample:
    """Draw every token from the model's distribution, sharpened and cut off as told.

    With q the probabilities of the next token after processors, these apply in order, each to
    the renormalised outcome of the one before:

    1. temperature: q^(1/temperature).
    2. top_k: the k most probable tokens (Fan et al. 2018, "Hierarchical Neural Story
       Generation").
    3. top_p: the fewest most probable tokens that together reach top_p (Holtzman et al. 2020,
       "The Curious Case of Neural Text Degeneration").
    4. min_p: the tokens at least min_p times as probable as the most probable one (Nguyen et
       al. 2024, "Turning Up the Heat: Min-p Sampling").

    Sample m of a row draws from a generator of its own, seeded with (seed, row number, m): what
    it gives depends neither on the other rows of its batch nor on the number of samples. The
    score is the sum of the log-probabilities as processors left them, before 1 to 4.

    Args:
        temperature: 0 (greedy), or 0.001 to 1000; 1 leaves q as it is.
        top_k: 0 for all.
        top_p: above 0, at most 1; 1 for all.
        min_p: 0 to 1; 0 for all.
        samples: how many hypotheses an input gets. They come best first, and may be equal.
        seed: 0 or more.

    Raises:
        UserError: a value outside its range, or several samples at temperature 0.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    samples: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        ranges = {
            "temperature": self.temperature == 0 or 0.001 <= self.temperature <= 1000,
            "top_k": self.top_k >= 0,
            "top_p": 0 < self.top_p <= 1,
            "min_p": 0 <= self.min_p <= 1,
            "samples": self.samples >= 1,
            "seed": self.seed >= 0,
        }
        for name, valid in ranges.items():
            if not valid:
                raise UserError(f"{name} = {getattr(self, name)} is out of range", "sampling")
        if self.temperature == 0 and self.samples > 1:
            raise UserError(
                "temperature 0 gives the same sample every time",
                "sampling",
                "ask for one sample, or raise the temperature",
            )

    def run(
        self,
        stepper: Stepper[Any],
        inputs: Any,
        max_lengths: IntArray,
        processors: Sequence[Processor] = (),
        rows: IntArray | None = None,
    ) -> Generator[Step, None, list[list[Hypothesis]]]:
        """Draw; see `seqgen.search.step.Strategy`. Every input gets ``samples`` hypotheses."""
        numbers = np.arange(len(max_lengths)) if rows is None else rows
        pick = self.picker(stepper, numbers.tolist())
        return _walk(stepper, inputs, max_lengths, processors, pick, self.samples)

    def picker(self, stepper: Stepper[Any], numbers: Sequence[int]) -> Pick:
        """What draws the next tokens of the inputs known by ``numbers``."""
        if self.temperature == 0:
            return Greedy().picker(stepper)
        draws = _Draws(self.seed, numbers, self.samples)

        def pick(log_probs: Array, live: IntArray) -> tuple[IntArray, npt.NDArray[Any]]:
            if self.top_k and self.top_k < stepper.vocab_size:
                values, ids = stepper.top(log_probs, self.top_k)
            else:
                values, ids = np.asarray(log_probs), None
            weights = self._weights(values)
            columns = _draw(weights, draws.next(live).reshape(len(weights), -1))
            drawn = np.take_along_axis(values, np.maximum(columns, 0), 1)
            tokens = columns if ids is None else np.take_along_axis(ids, columns, 1)
            return np.where(columns < 0, -1, tokens), np.where(columns < 0, -np.inf, drawn)

        return pick

    def _weights(self, log_probs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What each token [N, C] is drawn in proportion to; 1 for the most probable."""
        peak = log_probs.max(axis=1, keepdims=True)
        refuse_nan(peak)
        safe = np.maximum(peak, np.finfo(log_probs.dtype).min)  # all tokens may be impossible
        weights: npt.NDArray[Any] = log_probs - safe
        if self.temperature != 1:
            weights /= self.temperature
        np.exp(weights, out=weights)
        if self.top_p < 1:
            _keep_nucleus(weights, self.top_p)
        if self.min_p > 0:
            weights *= weights >= self.min_p
        return weights


def _block_sums(weights: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Cumulative sums of ``weights`` [N, C] after every ``_BLOCK`` columns: [N, ceil(C / 128)].

    A tenth of the work of a cumulative sum over all columns, and a row at a time whatever N.
    """
    starts = np.arange(0, weights.shape[1], _BLOCK)
    sums: npt.NDArray[np.float64] = np.cumsum(
        np.add.reduceat(weights, starts, axis=1), axis=1, dtype=np.float64
    )
    return sums


def _keep_nucleus(weights: npt.NDArray[Any], top_p: float) -> None:
    """Zero all but the fewest greatest weights [N, C] of each row that make up ``top_p``.

    Weights up to (1 - top_p) / C of the sum cannot add up to more than 1 - top_p of it, so
    they are never needed, and only the few above that are sorted. Of equal weights the lower
    column is kept.
    """
    sums = _block_sums(weights)[:, -1]
    floors, goals = sums * ((1 - top_p) / weights.shape[1]), sums * top_p
    for row, floor, goal in zip(weights, floors.tolist(), goals.tolist(), strict=True):
        few = -np.sort(-row[row > floor])
        count = int(np.searchsorted(np.cumsum(few, dtype=np.float64), goal)) + 1
        least = few[:count].min(initial=np.inf)
        row *= row >= least
        equal = int((few >= least).sum()) - count
        if equal > 0:
            row[np.flatnonzero(row == least)[-equal:]] = 0


def _draw(weights: npt.NDArray[Any], uniform: npt.NDArray[np.float64]) -> IntArray:
    """Draw columns of ``weights`` [N, C] by ``uniform`` [N, d] in [0, 1): [N, d], -1 for none.

    The inverse of the cumulative distribution, first by blocks of columns, then inside the
    block: the first place whose cumulative weight is above the goal, which is never one of
    weight 0.
    """
    edges = np.pad(_block_sums(weights), ((0, 0), (1, 0)))  # [N, blocks + 1]
    total = edges[:, -1:]
    goals = np.minimum(uniform * total, np.nextafter(total, 0))  # below the total when rounded
    block = (edges[:, None, 1:-1] <= goals[:, :, None]).sum(axis=2)  # [N, d]
    low = np.take_along_axis(edges, block, 1)
    mass = np.take_along_axis(edges, block + 1, 1) - low
    columns = block[:, :, None] * _BLOCK + np.arange(_BLOCK)  # [N, d, _BLOCK]
    inside = columns < weights.shape[1]
    rows = np.arange(len(weights))[:, None, None]
    here = np.where(inside, weights[rows, np.where(inside, columns, 0)], 0)
    sums = np.cumsum(here, axis=2, dtype=np.float64)
    end = sums[:, :, -1]
    goals = (goals - low) / np.where(mass > 0, mass, 1) * end
    goals = np.minimum(goals, np.nextafter(end, 0))
    picks = columns[:, :, 0] + (sums <= goals[:, :, None]).sum(axis=2)
    return np.where(total > 0, picks, -1)


class _Draws:
    """Uniform numbers in [0, 1) for every (row, sample), each from a generator of its own."""

    _block = 32  # drawn at once: a call for each number would cost more than all the rest

    def __init__(self, seed: int, rows: Sequence[int], samples: int) -> None:
        self._generators = [
            [
                np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(row, sample)))
                for sample in range(samples)
            ]
            for row in rows
        ]
        self._numbers = np.empty((len(rows), samples, self._block))
        self._position = 0

    def next(self, live: IntArray) -> npt.NDArray[np.float64]:
        """The next number [b, samples] of the rows ``live`` [b]; others are passed over."""
        column = self._position % self._block
        if column == 0:
            for place in live.tolist():
                for generator, numbers in zip(
                    self._generators[place], self._numbers[place], strict=True
                ):
                    generator.random(out=numbers)
        self._position += 1
        return self._numbers[live, :, column]


def _walk(
    stepper: Stepper[Any],
    inputs: Any,
    max_lengths: IntArray,
    processors: Sequence[Processor],
    pick: Pick,
    samples: int,
) -> Generator[Step, None, list[list[Hypothesis]]]:
    """Follow what ``pick`` picks in ``samples`` [M] rows an input until all of them end."""
    limits = check_lengths(max_lengths)
    count = len(limits)
    if not count:
        return []
    history = History()
    finished, unfinished = Pool(count, samples), Pool(count, samples)
    live, totals = np.arange(count), np.zeros((count, 1))  # -inf where a hypothesis has ended
    tokens, prefix = np.full(count, stepper.bos), np.empty((count, 0), np.int64)
    state = stepper.start(inputs)
    for position in itertools.count():
        log_probs, state, attention = stepper.step(tokens, state)
        if attention is not None:
            history.attend(np.asarray(attention))
        if processors:
            log_probs = np.asarray(log_probs)
        picks, values = pick(process(log_probs, prefix, processors), live)
        picks, values = picks.reshape(len(live), samples), values.reshape(len(live), samples)
        rows = np.arange(len(tokens)).reshape(len(live), -1)
        if rows.shape != picks.shape:  # at the first step all samples come from one row
            rows, totals = rows.repeat(samples, axis=1), totals.repeat(samples, axis=1)
        own: FloatArray = log_probs[rows, picks] if processors else values
        running, sums = totals > -np.inf, totals + values
        ended = running & (picks == stepper.eos)
        cut = running & ~ended & ((limits[live] == position)[:, None] | (picks < 0))
        if ended.any():
            finished.add(live, np.where(ended, sums, -np.inf), position, rows, own)
        if cut.any():
            nothing = np.full(rows.shape, np.nan)
            unfinished.add(live, np.where(cut, totals, -np.inf), position, rows, nothing)
        totals = np.where(ended | cut, -np.inf, sums)
        kept = np.flatnonzero((totals > -np.inf).any(axis=1))
        live, totals, moved = live[kept], totals[kept], rows[kept].reshape(-1)
        fed, tokens = len(tokens), np.where(totals > -np.inf, picks[kept], stepper.eos).reshape(-1)
        history.extend(moved, tokens, own[kept].reshape(-1))
        yield Step(position, np.repeat(live, samples), totals.reshape(-1), history)
        if not len(live):
            break
        if processors:
            prefix = np.concatenate([prefix[moved], tokens[:, None]], axis=1)
        state = move(stepper, state, moved, fed)
    return collect(history, finished, unfinished)
