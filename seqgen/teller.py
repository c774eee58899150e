"""Tellers: from single values to text, in the order they came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from seqgen.data.values import Values
from seqgen.errors import UserError
from seqgen.loaded import Loaded, make_stepper, score_targets
from seqgen.search.batched import Search
from seqgen.search.processors import Processor
from seqgen.search.settings import SearchConfig, default_strategy, own_processors
from seqgen.search.step import Strategy
from seqgen.text import Tokenizer
from seqgen.writer import Written


class Teller:
    """Writes from single values with one model, or with the mean of several.

    Args:
        bundles: models with the same values and the same SentencePiece model.

    Raises:
        UserError: the models do not write from values, or do not fit each other.
    """

    def __init__(self, *bundles: Loaded) -> None:
        self.bundles = bundles
        first = bundles[0]
        if first.config.task != "tell":
            raise UserError(f"this model can {first.config.task}, not tell")
        for other in bundles[1:]:
            if (other.config.values, other.target) != (first.config.values, first.target):
                raise UserError("an ensemble needs models with the same values and text settings")
        self.values = Values(first.config.values)
        self.target: Tokenizer = first.target
        self.search: SearchConfig = first.config.search
        self.stepper = make_stepper(bundles)

    def tell(
        self,
        values: Iterable[str],
        strategy: Strategy | None = None,
        processors: Sequence[Processor] = (),
        batch_size: int = 64,
    ) -> list[str]:
        """The best text for each of ``values``, in order.

        Args:
            values: names that training had; one may come several times.
            strategy: ``Beam``, ``Greedy`` or ``Sample``; the bundle's own if not given.
            processors: changes to the model's log-probabilities, in order.
            batch_size: values searched together; it does not change what comes out.

        Raises:
            UserError: there is no such value.
        """
        found = self.hypotheses(values, strategy, processors, batch_size)
        return [best[0].text for best in found]

    def hypotheses(
        self,
        values: Iterable[str],
        strategy: Strategy | None = None,
        processors: Sequence[Processor] = (),
        batch_size: int = 64,
    ) -> Iterator[list[Written]]:
        """For each of ``values`` its n best texts, best first; a stream."""
        strategy = strategy or default_strategy(self.search)
        processors = (*own_processors(self.search, self.target), *processors)
        make = self.bundles[0].batch
        search = Search[int](self.stepper, strategy, processors, make, batch_size)
        numbers = map(self.values.number, values)
        for best in search.stream(numbers, self.search.max_extra, batch_size):
            yield [Written.of(hypothesis, self.target) for hypothesis in best]

    def score(
        self, values: Sequence[str], texts: Sequence[str], batch_size: int = 64
    ) -> list[tuple[float, ...]]:
        """Log-probability of each token of each text, end of sequence included, in nats.

        It is what a search that wrote the text reports; of an ensemble, that of the mean
        probability.

        Raises:
            UserError: there are not as many texts as values, or there is no such value.
        """
        if len(values) != len(texts):
            raise UserError(f"there are {len(values)} values and {len(texts)} texts")
        numbers = [self.values.number(value) for value in values]
        targets = self.target.encode(list(texts))
        return score_targets(self.bundles, numbers, targets, batch_size)
