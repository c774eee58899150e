"""A search over many inputs: those of like size together, results in the order of the inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from seqgen.errors import memory_for
from seqgen.search.history import IntArray
from seqgen.search.processors import Processor
from seqgen.search.step import Hypothesis, Stepper, Strategy, run

WINDOW = 4096  # inputs that are sorted by size together; memory does not grow past them

Item = TypeVar("Item")


def batch_memory(size: int) -> AbstractContextManager[None]:
    """``memory_for`` the search over a batch of ``size`` inputs."""
    fix = f"try --batch-size {size // 2}" if size > 1 else "try a smaller --beam-size"
    return memory_for(f"batches of {size} inputs", fix)


@dataclass(frozen=True)
class Search(Generic[Item]):
    """All that a search over inputs needs, but for the inputs.

    Attributes:
        stepper: the model.
        strategy: how to search.
        processors: changes to the model's log-probabilities, in order.
        make_batch: inputs as ``stepper.start`` takes them.
        batch_size: inputs searched together; it does not change what comes out.
    """

    stepper: Stepper[Any]
    strategy: Strategy
    processors: Sequence[Processor]
    make_batch: Callable[[list[Item]], Any]
    batch_size: int

    def __call__(
        self, inputs: Sequence[Item], sizes: Sequence[int], limits: IntArray, numbers: IntArray
    ) -> list[list[Hypothesis]]:
        """Search N inputs.

        Args:
            inputs: in any order.
            sizes: [N]; inputs of like size are searched together.
            limits: [N], the most tokens of each output.
            numbers: [N], by which each input is known; what is drawn at random depends on it.

        Returns:
            For each input its hypotheses, best first.
        """
        found: list[list[Hypothesis]] = [[] for _ in inputs]
        order = np.argsort(np.asarray(sizes, np.int64), kind="stable")
        for begin in range(0, len(order), self.batch_size):
            rows = order[begin : begin + self.batch_size]
            batch = self.make_batch([inputs[i] for i in rows])
            steps = self.strategy.run(
                self.stepper, batch, limits[rows], self.processors, numbers[rows]
            )
            with batch_memory(self.batch_size):
                searched = run(steps)
            for i, best in zip(rows.tolist(), searched, strict=True):
                found[i] = best
        return found

    def stream(
        self,
        inputs: Iterable[Item],
        limit: int,
        window: int,
        size: Callable[[Item], int] = lambda _: 0,
    ) -> Iterator[list[Hypothesis]]:
        """Search inputs as they come; each is known by its number among them.

        Args:
            inputs: any number.
            limit: the most tokens of an output.
            window: inputs that are read, and sorted by size, together.
            size: of an input.
        """
        waiting, first = iter(inputs), 0
        while some := list(islice(waiting, window)):
            numbers = np.arange(first, first + len(some))
            yield from self(some, list(map(size, some)), np.full(len(some), limit), numbers)
            first += len(some)
