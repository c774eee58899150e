"""Beam search, in groups where outputs are to differ."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqgen.errors import UserError
from seqgen.search.books import Books
from seqgen.search.history import IntArray
from seqgen.search.penalties import Coverage, LengthPenalty
from seqgen.search.processors import Processor, process
from seqgen.search.step import Hypothesis, Step, Stepper, check_lengths, move
from seqgen.search.top import refuse_nan


@dataclass(frozen=True)
class Beam:
    """Keep the ``size`` most probable beginnings, and stop when nothing can improve.

    At every step the continuations of an input's live hypotheses are ranked by log-probability
    (as processors left it). Those among the first ``size`` that end in EOS are finished; the
    best ``size`` others live on. A finished hypothesis is scored (Wu et al. 2016, equation 14)

        log_prob / ((5 + |y|) / 6)^length_penalty
            + coverage_penalty * Σ_i log(min(Σ_j a_ij, 1)),        |y| with EOS,

    and the search of an input ends when it has ``n_best`` of them and no live one can still
    score above the worst, at whatever length up to the maximum it may end (Huang et al. 2017,
    "When to Finish?"): stopping early never changes the outcome. A hypothesis is cut at the
    maximum length unless EOS would have come next anyway, and comes back unfinished, behind
    the finished ones, where those are too few. ``Beam(1, length_penalty=0)`` is ``Greedy()``.

    Diverse beam search (Vijayakumar et al. 2016): with ``groups`` G > 1 the beam is G beams of
    ``size`` / G. At each step they choose one after the other; ``diversity`` is taken from the
    rank of a token each time an earlier group goes on with it at this step (Hamming
    diversity; ending is no repetition). It decides what a group keeps and enters no score.
    The n best are the best of all that the groups finish, without repetitions.

    Args:
        size: K, the number of live hypotheses an input has.
        length_penalty: -10 to 10; 0 ranks by log-probability, above 0 favours long output.
        coverage_penalty: 0 or more; above 0 needs a model with attention.
        n_best: how many hypotheses an input gets, at most ``size``.
        groups: a divisor of ``size``.
        diversity: nats; above 0 with groups, 0 without.

    Raises:
        UserError: a value outside its range, or two that contradict each other.
    """

    size: int = 5
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0
    n_best: int = 1
    groups: int = 1
    diversity: float = 0.0

    def __post_init__(self) -> None:
        ranges = {
            "size": self.size >= 1,
            "length_penalty": -10 <= self.length_penalty <= 10,
            "coverage_penalty": 0 <= self.coverage_penalty < math.inf,
            "n_best": 1 <= self.n_best <= self.size,
            "groups": 1 <= self.groups <= self.size and self.size % self.groups == 0,
            "diversity": 0 <= self.diversity < math.inf,
        }
        for name, valid in ranges.items():
            if not valid:
                size = "" if name == "size" else f" with size = {self.size}"
                raise UserError(f"{name} = {getattr(self, name)}{size} is out of range", "beam")
        if (self.groups > 1) != (self.diversity > 0):
            raise UserError(
                f"groups = {self.groups} with diversity = {self.diversity} has no effect",
                "beam",
                "set both, such as groups = 5 and diversity = 0.5, or neither",
            )

    def run(
        self,
        stepper: Stepper[Any],
        inputs: Any,
        max_lengths: IntArray,
        processors: Sequence[Processor] = (),
        rows: IntArray | None = None,
    ) -> Generator[Step, None, list[list[Hypothesis]]]:
        """Search; see `seqgen.search.step.Strategy`. Up to ``n_best`` hypotheses an input."""
        limits = check_lengths(max_lengths)
        if not len(limits):
            return []
        books = Books(
            limits,
            stepper.eos,
            self.size,
            self.n_best,
            self.groups,
            self.diversity,
            LengthPenalty(self.length_penalty, int(limits.max()) + 1),
            Coverage(self.coverage_penalty),
        )
        tokens, state = np.full(len(limits), stepper.bos), stepper.start(inputs)
        prefix = np.empty((len(limits), 0), np.int64)
        # of a row's tokens one is EOS, up to size - size / groups are other groups' favourites,
        # and a group of size / groups never needs more than that many besides
        count = min(self.size + 1, stepper.vocab_size)
        while len(books.live):
            log_probs, state, attention = stepper.step(tokens, state)
            if processors:
                log_probs = np.asarray(log_probs)
            values, ids = stepper.top(process(log_probs, prefix, processors), count)
            refuse_nan(values)
            books.attend(attention)
            own = log_probs if processors else None
            moved, new = books.advance(values, ids, own)
            if processors and len(moved):
                prefix = np.concatenate([prefix[moved], new[:, None]], axis=1)
            yield books.step()
            if len(moved):
                state = move(stepper, state, moved, len(tokens))
            tokens = new
        return books.results()
