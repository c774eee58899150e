"""Captioners: from pictures to text, in the order they came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.errors import UserError
from seqgen.images import ImageConfig, Picture, seen
from seqgen.loaded import Loaded, make_stepper, score_targets
from seqgen.search.batched import batch_memory
from seqgen.search.processors import Processor
from seqgen.search.settings import SearchConfig, default_strategy, own_processors
from seqgen.search.step import Hypothesis, Strategy, run
from seqgen.text import Tokenizer

OnError = Callable[[Picture, UserError], None]


@dataclass(frozen=True)
class Caption:
    """One caption of one picture.

    Attributes:
        text: what was written.
        pieces: its subwords.
        hypothesis: tokens, score, log-probabilities and attention over the grid, row by row.
        grid: (height, width) of the places that the attention speaks of; None without
            attention, and where its positions are no places of the picture.
    """

    text: str
    pieces: tuple[str, ...]
    hypothesis: Hypothesis
    grid: tuple[int, int] | None


class Captioner:
    """Captions pictures with one model, or with the mean of several.

    Args:
        bundles: models with the same SentencePiece model that see pictures the same way.

    Raises:
        UserError: the models are no captioners, or do not fit each other.
    """

    def __init__(self, *bundles: Loaded) -> None:
        self.bundles = bundles
        first = bundles[0]
        if first.config.images is None:
            raise UserError(f"this model can {first.config.task}, not caption")
        self.images: ImageConfig = first.config.images
        self.target: Tokenizer = first.target
        self.search: SearchConfig = first.config.search
        for other in bundles[1:]:
            if (other.config.images, other.target) != (self.images, self.target):
                raise UserError("an ensemble needs models with the same text and image settings")
        self.stepper = make_stepper(bundles)

    def caption(
        self,
        pictures: Iterable[Picture],
        strategy: Strategy | None = None,
        processors: Sequence[Processor] = (),
        batch_size: int = 32,
    ) -> list[str]:
        """The best caption of each of ``pictures``, in order.

        Args:
            pictures: files, or images of Pillow.
            strategy: ``Beam``, ``Greedy`` or ``Sample``; the bundle's own if not given.
            processors: changes to the model's log-probabilities, in order.
            batch_size: pictures captioned together; it does not change what comes out.

        Raises:
            UserError: a file is no picture.
        """
        found = self.hypotheses(pictures, strategy, processors, batch_size)
        return [best[0].text for best in found]

    def hypotheses(
        self,
        pictures: Iterable[Picture],
        strategy: Strategy | None = None,
        processors: Sequence[Processor] = (),
        batch_size: int = 32,
        on_error: OnError | None = None,
    ) -> Iterator[list[Caption]]:
        """For each of ``pictures`` its n best captions, best first; a stream.

        ``on_error`` is told of a file that is no picture, which then has no captions; without
        it the error is raised.
        """
        waiting, first = iter(pictures), 0
        while window := list(islice(waiting, batch_size)):
            pixels = [self._pixels(picture, on_error) for picture in window]
            good = [i for i, one in enumerate(pixels) if one is not None]
            found: list[list[Caption]] = [[] for _ in window]
            if good:
                batch = self.bundles[0].batch([one for one in pixels if one is not None])
                numbers = np.array(good, np.int64) + first
                for i, best in zip(
                    good, self.search_batch(batch, numbers, strategy, processors), strict=True
                ):
                    found[i] = best
            yield from found
            first += len(window)

    def search_batch(
        self,
        batch: Any,
        numbers: npt.NDArray[np.int64],
        strategy: Strategy | None = None,
        processors: Sequence[Processor] = (),
    ) -> list[list[Caption]]:
        """Captions of one batch, as the stepper takes it; ``numbers`` [B] are its pictures'."""
        strategy = strategy or default_strategy(self.search)
        processors = (*own_processors(self.search, self.target), *processors)
        limits = np.full(len(numbers), self.search.max_extra)
        with batch_memory(len(numbers)):
            found = run(strategy.run(self.stepper, batch, limits, processors, numbers))
        return [[self._caption(hypothesis) for hypothesis in best] for best in found]

    def score(
        self, pictures: Sequence[Picture], texts: Sequence[str], batch_size: int = 32
    ) -> list[tuple[float, ...]]:
        """Log-probability of each token of each text, end of sequence included, in nats.

        It is what a search that wrote the text reports; of an ensemble, that of the mean
        probability.

        Raises:
            UserError: there are not as many texts as pictures, or a file is no picture.
        """
        if len(pictures) != len(texts):
            raise UserError(f"there are {len(pictures)} pictures and {len(texts)} texts")

        targets = self.target.encode(list(texts))
        found: list[tuple[float, ...]] = []
        for begin in range(0, len(targets), batch_size):
            part = slice(begin, begin + batch_size)
            pixels = [self.pixels(picture) for picture in pictures[part]]
            found += score_targets(self.bundles, pixels, targets[part], batch_size)
        return found

    def pixels(self, picture: Picture) -> npt.NDArray[np.float32]:
        """What the network sees of a picture, [3, size, size]."""
        return seen(picture, self.images)

    def _pixels(self, picture: Picture, on_error: OnError | None) -> npt.NDArray[np.float32] | None:
        try:
            return self.pixels(picture)
        except UserError as error:
            if on_error is None:
                raise
            on_error(picture, error)
            return None

    @cached_property
    def _grid(self) -> tuple[int, int] | None:
        """Of all models, where they have the same; the mean of other maps would show nothing."""
        grids = {bundle.grid() for bundle in self.bundles}
        return grids.pop() if len(grids) == 1 else None

    def _caption(self, hypothesis: Hypothesis) -> Caption:
        return Caption(
            self.target.decode(hypothesis.tokens),
            tuple(self.target.pieces(hypothesis.tokens)),
            hypothesis,
            None if hypothesis.attention is None else self._grid,
        )
