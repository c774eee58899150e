"""Classifiers: from lines of text to a label each, in the order they came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch

from seqgen.data.values import Values
from seqgen.errors import UserError
from seqgen.labelled import ClassifierBundle
from seqgen.model.inputs import text_batch
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


class Classifier:
    """Labels texts with one model, or with the mean of several.

    Args:
        bundles: models with the same labels and the same SentencePiece model.

    Raises:
        UserError: the models do not fit each other.
    """

    def __init__(self, *bundles: ClassifierBundle) -> None:
        self.bundles = bundles
        first = bundles[0]
        for other in bundles[1:]:
            if (other.config.labels, other.source) != (first.config.labels, first.source):
                raise UserError("an ensemble needs models with the same labels and text settings")
        self.labels = Values(first.config.labels)
        self.source: Tokenizer | None = first.source
        self.models = [bundle.model for bundle in bundles]

    def classify(self, inputs: Iterable[str], batch_size: int = 64) -> list[str]:
        """The most probable label of each of ``inputs``, in order.

        Args:
            inputs: texts; an empty one has a label too.
            batch_size: inputs read together; it does not change what comes out.
        """
        return [found.label for found in self.predictions(inputs, batch_size)]

    def predictions(self, inputs: Iterable[str], batch_size: int = 64) -> Iterator[Prediction]:
        """For each of ``inputs`` the probability of every label; a stream.

        Lines are read ``batched.WINDOW`` at a time, batched by length, and given back in order.
        """
        waiting = iter(inputs)
        while window := list(islice(waiting, batched.WINDOW)):
            for row in self.log_probs(window, batch_size):
                yield self._prediction(row)

    def score(
        self, inputs: Sequence[str], labels: Sequence[str], batch_size: int = 64
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

    def log_probs(self, texts: Sequence[str], batch_size: int = 64) -> npt.NDArray[np.float64]:
        """[N, L] of every label of each text, in nats; of several models, of the mean probability.

        Raises:
            UserError: the model reads no text.
        """
        if self.source is None:
            raise UserError("this model classifies images, not text")
        rows = self.source.encode(list(texts))
        found = np.zeros((len(rows), self.labels.size))
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        for begin in range(0, len(order), batch_size):
            some = order[begin : begin + batch_size]
            batch = text_batch([rows[i] for i in some])
            with torch.inference_mode():
                each = [torch.log_softmax(model(batch).double(), -1) for model in self.models]
            found[some] = np.logaddexp.reduce([one.numpy() for one in each]) - np.log(len(each))
        return found

    def _prediction(self, row: npt.NDArray[np.float64]) -> Prediction:
        order = np.argsort(-row, kind="stable").tolist()
        log_probs = {self.labels.names[i]: float(row[i]) for i in order}
        return Prediction(self.labels.names[order[0]], float(row[order[0]]), log_probs)
