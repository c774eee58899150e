"""A trained model in memory, whatever computes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seqgen.data.words import Lexicon
from seqgen.folders import tokenizer_files
from seqgen.images import ImageConfig
from seqgen.search.ensemble import Ensemble
from seqgen.search.settings import SearchConfig
from seqgen.search.step import Stepper
from seqgen.text import TextConfig, Tokenizer

WORDS, CHARACTERS = "words.spm", "characters.spm"

LogProbs = tuple[float, ...]


class Description(Protocol):
    """What ``config.json`` says of a model, as far as whoever uses it asks."""

    @property
    def task(self) -> str:
        """What it can: ``translate``, ``caption``, ``tell``, ``write``."""

    @property
    def search(self) -> SearchConfig:
        """How it searches unless told otherwise."""

    @property
    def images(self) -> ImageConfig | None:
        """How it sees pictures, if it does."""

    @property
    def values(self) -> tuple[str, ...]:
        """The values it reads, in the order of their numbers."""


class Loaded(Protocol):
    """A model that writes text, its tokenizers, and the three ways it is asked."""

    @property
    def config(self) -> Description:
        """What it is."""

    @property
    def target(self) -> Tokenizer:
        """Cuts what is written."""

    @property
    def source(self) -> Tokenizer | None:
        """Cuts text that is read; None where the input is no text."""

    def stepper(self) -> Stepper[Any]:
        """The model as a search sees it."""

    def batch(self, inputs: Sequence[Any]) -> Any:
        """Inputs as ``start`` of the stepper takes them.

        Args:
            inputs: B of what the task reads: token ids of a text, pixels [3, size, size] of a
                picture, the number of a value, or the token ids of a beginning.
        """

    def log_probs(self, batch: Any, targets: Sequence[Sequence[int]]) -> list[LogProbs]:
        """The log-probability in nats of every token of ``targets``, end of sequence included.

        Args:
            batch: B inputs, from ``batch``.
            targets: B token sequences without BOS and EOS.
        """

    def grid(self) -> tuple[int, int] | None:
        """(height, width) of the places of a picture that it attends to, row by row.

        None where its positions are no places of a picture.
        """

    def stream(
        self, tokens: npt.NDArray[Any], most_rows: int
    ) -> Iterator[npt.NDArray[np.floating]]:
        """Of a language model: the log-probabilities of a text's tokens [N], each given all before.

        Args:
            tokens: [N] token ids.
            most_rows: into how many parts the text may be cut, to be read side by side.

        Yields:
            Arrays [B, t] of N numbers in all; with one row, they come in order.
        """


class Labelled(Protocol):
    """A model that labels what it reads."""

    def log_probs(self, rows: Sequence[Any]) -> npt.NDArray[np.float64]:
        """Of every label, in nats: [B, L], or of a tagger [B, S, L], meaningless in the padding.

        Args:
            rows: B of what the model reads: token ids of a text, pixels [3, size, size] of a
                picture, or the ``WordRow`` of a sentence.
        """


def mean_log_probs(models: Sequence[Labelled], rows: Sequence[Any]) -> npt.NDArray[np.float64]:
    """``Labelled.log_probs``; of several models, of their mean probability."""
    return log_mean([model.log_probs(rows) for model in models])


def log_mean(each: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """The logarithm of the mean of the probabilities whose logarithms several models give."""
    mean: npt.NDArray[np.float64] = np.logaddexp.reduce(each) - np.log(len(each))
    return mean


def read_tokenizers(
    folder: Path, target: TextConfig, source: TextConfig | None, joint: bool
) -> tuple[Tokenizer, Tokenizer | None]:
    """The SentencePiece models of a model in ``folder``, the target's and, if any, the source's.

    Args:
        folder: where they are.
        target: how text is cut that is written.
        source: how text is cut that is read; None where none is.
        joint: whether one model serves both.

    Raises:
        UserError: one is missing or damaged.
    """
    read, written = tokenizer_files(joint)
    return (
        Tokenizer.load(folder / written, target.lowercase),
        Tokenizer.load(folder / read, source.lowercase) if source else None,
    )


def read_source(folder: Path, source: TextConfig | None) -> Tokenizer | None:
    """The SentencePiece model of the text that a classifier in ``folder`` reads, if it reads any.

    Raises:
        UserError: it is missing or damaged.
    """
    if source is None:
        return None
    return Tokenizer.load(folder / tokenizer_files(False)[0], source.lowercase)


def read_lexicon(folder: Path, words: TextConfig, characters: TextConfig) -> Lexicon:
    """The SentencePiece models of a tagger from the files in ``folder``."""
    return Lexicon(
        Tokenizer.load(folder / WORDS, words.lowercase),
        Tokenizer.load(folder / CHARACTERS, characters.lowercase),
    )


def make_stepper(models: Sequence[Loaded]) -> Stepper[Any]:
    """One model, or the mean of several, as a ``Stepper``."""
    steppers = [model.stepper() for model in models]
    return steppers[0] if len(steppers) == 1 else Ensemble(steppers)


def score_targets(
    models: Sequence[Loaded],
    inputs: Sequence[Any],
    targets: Sequence[Sequence[int]],
    batch_size: int,
) -> list[LogProbs]:
    """``log_probs`` of N inputs in batches; of several models, of their mean probability.

    Args:
        models: that read the same inputs.
        inputs: [N], as ``Loaded.batch`` takes them.
        targets: [N] token sequences without BOS and EOS.
        batch_size: rows scored together.
    """
    order = sorted(range(len(targets)), key=lambda i: len(targets[i]))
    found: list[LogProbs] = [()] * len(targets)
    for begin in range(0, len(order), batch_size):
        rows = order[begin : begin + batch_size]
        batch, some = models[0].batch([inputs[i] for i in rows]), [targets[i] for i in rows]
        scored = [model.log_probs(batch, some) for model in models]
        for i, *each in zip(rows, *scored, strict=True):
            mean = np.logaddexp.reduce(each, axis=0) - np.log(len(each))
            found[i] = tuple(mean.tolist())
    return found
