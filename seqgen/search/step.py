"""What a search sees of a model, and what it gives back."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from seqgen.errors import UserError
from seqgen.search.history import History, IntArray
from seqgen.search.processors import Processor

Array: TypeAlias = Any
"""Anything ``np.asarray`` takes without an argument: a NumPy array, a torch tensor on the CPU."""

S = TypeVar("S")
T = TypeVar("T")


class Stepper(Protocol[S]):
    """A model as a search sees it: one more token for every row, and rows moved about.

    Rows keep order and groups: after ``start`` there is one row for each input; after the first
    ``select`` every input that is still searched has the same number K of consecutive rows (K
    the size of a beam, the number of samples), for good. A hypothesis that has ended before the
    others of its input leaves a row behind that is computed and ignored; an input whose
    hypotheses have all ended loses its K rows at once. So a stepper may lay rows out as
    [inputs, K] and share what belongs to an input among its K rows.

    What ``step`` returns belongs to the search: a stepper never writes into it again.
    """

    @property
    def bos(self) -> int:
        """The token every sequence starts from; never part of a hypothesis."""

    @property
    def eos(self) -> int:
        """The token that ends a sequence; never part of a hypothesis's tokens."""

    @property
    def vocab_size(self) -> int:
        """V; tokens are 0 … V - 1."""

    def start(self, inputs: Any) -> S:
        """The state before the first token, one row for each of the B inputs."""

    def step(self, tokens: IntArray, state: S) -> tuple[Array, S, Array | None]:
        """Feed one token to every row.

        Args:
            tokens: [N] int64, the newest token of each row; ``bos`` at first.
            state: of the same N rows; not used again by the search.

        Returns:
            Log-probabilities [N, V] of the next token, none above 0, which may be computed only
            when ``top`` or ``np.asarray`` asks for them; the new state; and
            attention [N, S] over the positions of the input (not negative, exactly zero on
            padding), or None at every step.
        """

    def select(self, state: S, rows: IntArray) -> S:
        """The state of ``rows`` [M] int64, in that order; rows repeat and are left out."""

    def top(self, log_probs: Array, k: int) -> tuple[npt.NDArray[Any], IntArray]:
        """The ``k`` <= V most probable tokens of each row.

        Args:
            log_probs: [N, V], what ``step`` returned, or the NumPy array that processors
                have made of it.
            k: how many.

        Returns:
            Values [N, k], descending, and their tokens [N, k] int64. Equal values come lower
            token first, where that is cheap. Which tokens the values -inf come with is all one.
        """


@dataclass(frozen=True)
class Hypothesis:
    """One output of a search. Hypotheses compare by everything but their attention.

    Attributes:
        tokens: without BOS and EOS.
        score: what the search ranks by: the sum of the log-probabilities as processors left
            them, under the penalties in force. Nats, higher is better.
        log_prob: the sum of ``token_log_probs``, from left to right.
        token_log_probs: the model's own log-probability of each token, before processors and
            penalties; EOS's comes last where ``finished``.
        attention: [len(token_log_probs), S], where the model gives it; S as in the batch, so
            with zeros for padding.
        finished: it ended in EOS. If not, it was cut at the maximum length, or every
            continuation was impossible.
    """

    tokens: tuple[int, ...]
    score: float
    log_prob: float
    token_log_probs: tuple[float, ...]
    attention: npt.NDArray[Any] | None = field(compare=False)
    finished: bool


@dataclass(frozen=True)
class Step:
    """How a search stands after one step.

    Attributes:
        position: 0 for the first step; a live hypothesis now has ``position + 1`` tokens.
        inputs: [N], the input each row belongs to, ascending; empty after the last step.
        totals: [N], the sum of log-probabilities (as processors left them) of each row so far;
            -inf where the row only fills its group.
        history: where the rows' tokens are.
    """

    position: int
    inputs: IntArray
    totals: npt.NDArray[np.float64]
    history: History = field(repr=False)

    @property
    def tokens(self) -> IntArray:
        """The tokens [N, position + 1] of the rows so far; made when asked for."""
        return self.history.tokens(self.position + 1, np.arange(len(self.inputs)))


class Strategy(Protocol):
    """A way to search: greedy, sampling, a beam."""

    def run(
        self,
        stepper: Stepper[Any],
        inputs: Any,
        max_lengths: IntArray,
        processors: Sequence[Processor] = (),
        rows: IntArray | None = None,
    ) -> Generator[Step, None, list[list[Hypothesis]]]:
        """Search for every input at once.

        What an input gives does not depend on the inputs beside it.

        Args:
            stepper: the model.
            inputs: B inputs, as ``stepper.start`` takes them.
            max_lengths: [B], the most tokens, EOS not counted, that each input's output has.
            processors: applied in order to the log-probabilities of every step.
            rows: [B], the number by which each input is known outside this batch, 0 … B - 1 if
                left out; what is drawn at random depends on it.

        Yields:
            A `Step` after each step of the model.

        Returns:
            For every input its hypotheses, finished ones first, then by descending score.
        """


def run(steps: Generator[Any, None, T]) -> T:
    """Run a search to its end and return what it found."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: T = stop.value
            return result


def check_lengths(max_lengths: IntArray) -> IntArray:
    """``max_lengths`` [B] as int64.

    Raises:
        UserError: they are not whole numbers from 0 on.
    """
    lengths = np.asarray(max_lengths)
    if lengths.ndim != 1 or (lengths.size and lengths.dtype.kind not in "iu"):
        raise UserError(f"maximum lengths are {lengths.dtype} {list(lengths.shape)}, not int [B]")
    if (lengths < 0).any():
        raise UserError(f"a maximum length of {lengths.min()} is less than 0")
    return lengths.astype(np.int64)


def move(stepper: Stepper[S], state: S, rows: IntArray, count: int) -> S:
    """``stepper.select``, unless ``rows`` are the state's ``count`` rows as they stand."""
    if len(rows) == count and bool((rows == np.arange(count)).all()):
        return state
    return stepper.select(state, rows)
