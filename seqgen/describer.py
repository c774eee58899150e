"""Describers: from inputs that a program makes to text, in the order they came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from seqgen.errors import UserError
from seqgen.loaded import Loaded
from seqgen.search.batched import WINDOW, Search
from seqgen.search.processors import Processor
from seqgen.search.settings import SearchConfig, default_strategy, own_processors
from seqgen.search.step import Strategy
from seqgen.text import Tokenizer
from seqgen.writer import Written

Item = TypeVar("Item")


class Describer(Generic[Item]):
    """Writes of inputs of any kind with a model whose encoder reads their batches.

    Args:
        bundle: the model and the tokenizer of what it writes.
        make_batch: inputs as the encoder takes them; of an export, as its graph does: a dict of
            arrays by the names of a batch's tensors.
        size: positions of an input; those of like size are read together.

    Raises:
        UserError: the model reads inputs of another kind.
    """

    def __init__(
        self,
        bundle: Loaded,
        make_batch: Callable[[list[Item]], Any],
        size: Callable[[Item], int] = lambda _: 1,
    ) -> None:
        if bundle.config.task != "describe":
            raise UserError(f"this model can {bundle.config.task}, not describe")
        self.bundle, self.make_batch, self.size = bundle, make_batch, size
        self.target: Tokenizer = bundle.target
        self.search: SearchConfig = bundle.config.search
        self.stepper = bundle.stepper()

    def describe(
        self,
        inputs: Iterable[Item],
        strategy: Strategy | None = None,
        processors: Sequence[Processor] = (),
        batch_size: int = 64,
    ) -> list[str]:
        """The best text for each of ``inputs``, in order.

        Args:
            inputs: any that ``make_batch`` takes.
            strategy: ``Beam``, ``Greedy`` or ``Sample``; the bundle's own if not given.
            processors: changes to the model's log-probabilities, in order.
            batch_size: inputs searched together; it does not change what comes out.
        """
        found = self.hypotheses(inputs, strategy, processors, batch_size)
        return [best[0].text for best in found]

    def hypotheses(
        self,
        inputs: Iterable[Item],
        strategy: Strategy | None = None,
        processors: Sequence[Processor] = (),
        batch_size: int = 64,
    ) -> Iterator[list[Written]]:
        """For each of ``inputs`` its n best texts, best first; a stream."""
        strategy = strategy or default_strategy(self.search)
        processors = (*own_processors(self.search, self.target), *processors)
        search = Search(self.stepper, strategy, processors, self.make_batch, batch_size)
        for best in search.stream(inputs, self.search.max_extra, WINDOW, self.size):
            yield [Written.of(hypothesis, self.target) for hypothesis in best]

    def score(
        self, inputs: Sequence[Item], texts: Sequence[str], batch_size: int = 64
    ) -> list[tuple[float, ...]]:
        """Log-probability of each token of each text, end of sequence included, in nats.

        It is what a search that wrote the text reports.

        Raises:
            UserError: there are not as many texts as inputs.
        """
        if len(inputs) != len(texts):
            raise UserError(f"there are {len(inputs)} inputs and {len(texts)} texts")
        targets = self.target.encode(list(texts))
        found: list[tuple[float, ...]] = []
        for begin in range(0, len(inputs), batch_size):
            part = slice(begin, begin + batch_size)
            found += self.bundle.log_probs(self.make_batch(list(inputs[part])), targets[part])
        return found
