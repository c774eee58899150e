"""Taggers: from sentences cut into words to a tag for each word, in the order they came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt

from seqgen.data.values import Values
from seqgen.data.words import Lexicon
from seqgen.errors import UserError
from seqgen.loaded import Labelled, mean_log_probs
from seqgen.search import batched

Words = str | Sequence[str]  # of a sentence; text is cut at white space and nowhere else


@dataclass(frozen=True)
class Tagged:
    """A sentence with its tags.

    Attributes:
        words: of the sentence.
        tags: the most probable one of each word.
        log_probs: of these, in nats.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    log_probs: tuple[float, ...]

    @property
    def log_prob(self) -> float:
        """Of all tags together; the model takes each by itself."""
        return sum(self.log_probs)


class Description(Protocol):
    """What ``config.json`` says of a tagger, as far as its user asks."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The tags, in the order of their numbers."""

    @property
    def column(self) -> str:
        """Of CoNLL-U, where such tags stand."""


class Loaded(Labelled, Protocol):
    """A tagger in memory, whatever computes it."""

    @property
    def config(self) -> Description:
        """What it is."""

    @property
    def lexicon(self) -> Lexicon:
        """Makes ids of words."""


class Tagger:
    """Tags words with one model, or with the mean of several.

    Args:
        bundles: models with the same tags and the same SentencePiece models.

    Raises:
        UserError: the models do not fit each other.
    """

    def __init__(self, *bundles: Loaded) -> None:
        self.bundles = bundles
        first = bundles[0]
        for other in bundles[1:]:
            if (other.config.labels, other.lexicon) != (first.config.labels, first.lexicon):
                raise UserError("an ensemble needs models with the same tags and words")
        self.tags = Values(first.config.labels)
        self.column = first.config.column
        self.lexicon = first.lexicon

    def tag(self, sentences: Iterable[Words], batch_size: int = 64) -> list[list[str]]:
        """The most probable tag of each word of each sentence, in order.

        Args:
            sentences: the words of each, or a text with spaces between them.
            batch_size: sentences read together; it does not change what comes out.
        """
        return [list(found.tags) for found in self.predictions(sentences, batch_size)]

    def predictions(self, sentences: Iterable[Words], batch_size: int = 64) -> Iterator[Tagged]:
        """Each sentence with its tags and their log-probabilities; a stream.

        Sentences are read ``batched.WINDOW`` at a time, batched by length, and given back in
        order.
        """
        waiting = iter(sentences)
        while window := [_words(one) for one in islice(waiting, batched.WINDOW)]:
            for words, found in zip(window, self.log_probs(window, batch_size), strict=True):
                best = found.argmax(-1) if words else np.zeros(0, np.int64)
                tags = tuple(self.tags.names[number] for number in best)
                yield Tagged(words, tags, tuple(found.max(-1).tolist() if words else ()))

    def score(
        self, sentences: Sequence[Words], tags: Sequence[Sequence[str]], batch_size: int = 64
    ) -> list[tuple[float, ...]]:
        """Log-probability of each word's given tag, in nats.

        Raises:
            UserError: there are not as many tags as words, or there is no such tag.
        """
        rows = [_words(one) for one in sentences]
        if [len(row) for row in rows] != [len(row) for row in tags]:
            raise UserError("there are not as many tags as words")
        numbers = [[self.tags.number(tag) for tag in row] for row in tags]
        found = self.log_probs(rows, batch_size)
        return [
            tuple(one[np.arange(len(row)), row].tolist() if row else ())
            for one, row in zip(found, numbers, strict=True)
        ]

    def log_probs(
        self, sentences: Sequence[Sequence[str]], batch_size: int = 64
    ) -> list[npt.NDArray[np.float64]]:
        """Of each sentence [S, L], every tag of each word, in nats.

        Of several models, it is that of the mean probability.
        """
        rows = self.lexicon.encode(sentences)
        found = [np.zeros((0, self.tags.size))] * len(rows)
        full = (i for i, row in enumerate(rows) if row.tokens)
        order = sorted(full, key=lambda i: len(rows[i].tokens))
        for begin in range(0, len(order), batch_size):
            some = order[begin : begin + batch_size]
            mean = mean_log_probs(self.bundles, [rows[i] for i in some])
            for i, one in zip(some, mean, strict=True):
                found[i] = one[: len(rows[i].tokens)]
        return found


def _words(sentence: Words) -> tuple[str, ...]:
    return tuple(sentence.split() if isinstance(sentence, str) else sentence)
