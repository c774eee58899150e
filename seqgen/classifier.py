"""Classifiers: from texts or pictures to a label each, in the order they came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from seqgen.data.values import Values
from seqgen.errors import UserError
from seqgen.images import ImageConfig, Picture, seen
from seqgen.loaded import Labelled, log_mean, mean_log_probs
from seqgen.search import batched
from seqgen.text import Tokenizer


@dataclass(frozen=True)
class Prediction:
    """What a classifier thinks of one input.

    Attributes:
        label: the most probable.
        log_prob: of that, in nats.
        log_probs: [L] of every label by its name, the most probable first.
    """

    label: str
    log_prob: float
    log_probs: dict[str, float]

    @property
    def probability(self) -> float:
        """Of the label."""
        return float(np.exp(self.log_prob))


class Description(Protocol):
    """What ``config.json`` says of a classifier, as far as its user asks."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Their names, in the order of their numbers."""

    @property
    def images(self) -> ImageConfig | None:
        """How it sees pictures, if it does."""


class Loaded(Labelled, Protocol):
    """A classifier in memory, whatever computes it."""

    @property
    def config(self) -> Description:
        """What it is."""

    @property
    def source(self) -> Tokenizer | None:
        """Cuts text that is read; None where pictures are."""


class Classifier:
    """Labels texts, or pictures, with one model or with the mean of several.

    Args:
        bundles: models with the same labels; all read text, each cutting it its own way, or all
            see pictures the same way.

    Raises:
        UserError: the models do not fit each other.
    """

    def __init__(self, *bundles: Loaded) -> None:
        self.bundles = bundles
        first = bundles[0]
        for other in bundles[1:]:
            if (other.config.labels, other.config.images) != (
                first.config.labels, first.config.images
            ):  # fmt: skip
                raise UserError("an ensemble needs models with the same labels of the same inputs")
        self.labels = Values(first.config.labels)
        self.images: ImageConfig | None = first.config.images

    def classify(self, inputs: Iterable[Picture], batch_size: int = 64) -> list[str]:
        """The most probable label of each of ``inputs``, in order.

        Args:
            inputs: texts, of which an empty one has a label too; or image files or images of
                Pillow, as the model was trained.
            batch_size: inputs read together; it does not change what comes out.

        Raises:
            UserError: a file is no picture.
        """
        return [found.label for found in self.predictions(inputs, batch_size)]

    def predictions(self, inputs: Iterable[Picture], batch_size: int = 64) -> Iterator[Prediction]:
        """For each of ``inputs`` the probability of every label; a stream.

        Texts are read ``batched.WINDOW`` at a time, batched by length, and given back in order.
        """
        waiting, size = iter(inputs), batched.WINDOW if self.images is None else batch_size
        while window := list(islice(waiting, size)):
            for row in self.log_probs(window, batch_size):
                yield self._prediction(row)

    def predict_files(
        self,
        files: Iterable[Path],
        batch_size: int = 64,
        on_error: Callable[[UserError], None] | None = None,
    ) -> Iterator[tuple[Path, Prediction]]:
        """The image files that can be read, each with its prediction, in order; a stream.

        ``on_error`` is told of the others; without it the error is raised.
        """
        waiting, images = iter(files), self._images()
        while window := list(islice(waiting, batch_size)):
            good: dict[Path, npt.NDArray[np.float32]] = {}
            for file in window:
                try:
                    good[file] = seen(file, images)
                except UserError as error:
                    if on_error is None:
                        raise
                    on_error(error)
            if good:
                found_rows = mean_log_probs(self.bundles, list(good.values()))
                rows = map(self._prediction, found_rows)
                found = dict(zip(good, rows, strict=True))
                yield from ((file, found[file]) for file in window if file in found)

    def score(
        self, inputs: Sequence[Picture], labels: Sequence[str], batch_size: int = 64
    ) -> list[float]:
        """Log-probability of the given label of each input, in nats.

        Raises:
            UserError: there are not as many labels as inputs, or there is no such label.
        """
        if len(inputs) != len(labels):
            raise UserError(f"there are {len(inputs)} inputs and {len(labels)} labels")
        numbers = [self.labels.number(label) for label in labels]
        rows = self.log_probs(inputs, batch_size)
        return [float(row[number]) for row, number in zip(rows, numbers, strict=True)]

    def log_probs(self, inputs: Sequence[Picture], batch_size: int = 64) -> npt.NDArray[np.float64]:
        """[N, L] of every label of each input, in nats; of several models, of the mean probability.

        Raises:
            UserError: the model reads text and an input is none, or a file is no picture.
        """
        found = np.zeros((len(inputs), self.labels.size))
        if self.images is not None:
            for begin in range(0, len(inputs), batch_size):
                few = slice(begin, begin + batch_size)
                pixels = [seen(one, self.images) for one in inputs[few]]
                found[few] = mean_log_probs(self.bundles, pixels)
            return found
        texts = [one for one in inputs if isinstance(one, str)]
        if len(texts) < len(inputs):
            raise UserError("this model classifies text, not images")
        sources = [bundle.source for bundle in self.bundles if bundle.source is not None]
        cuts = {source: source.encode(texts) for source in dict.fromkeys(sources)}
        order = sorted(range(len(texts)), key=lambda i: len(cuts[sources[0]][i]))
        for begin in range(0, len(order), batch_size):
            some = order[begin : begin + batch_size]
            batches = {source: [rows[i] for i in some] for source, rows in cuts.items()}
            pairs = zip(self.bundles, sources, strict=True)
            found[some] = log_mean([bundle.log_probs(batches[source]) for bundle, source in pairs])
        return found

    def _images(self) -> ImageConfig:
        if self.images is None:
            raise UserError("this model classifies text, not images")
        return self.images

    def _prediction(self, row: npt.NDArray[np.float64]) -> Prediction:
        order = np.argsort(-row, kind="stable").tolist()
        log_probs = {self.labels.names[i]: float(row[i]) for i in order}
        return Prediction(self.labels.names[order[0]], float(row[order[0]]), log_probs)
