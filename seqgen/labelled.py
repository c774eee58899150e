"""The bundles of models that end in a head: what they label with, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from seqgen.bundle import open_bundle, take_weights, with_weights
from seqgen.data.words import Lexicon
from seqgen.exchange import reread
from seqgen.folders import FORMAT, tokenizer_files
from seqgen.images import ImageConfig
from seqgen.loaded import CHARACTERS, WORDS, read_lexicon, read_source
from seqgen.model.heads import (
    ClassifierModelConfig,
    Labeller,
    TaggerModelConfig,
    VectorsConfig,
    build_classifier,
    build_tagger,
)
from seqgen.model.inputs import image_batch, text_batch, word_batch
from seqgen.sources import RECORDED, Code, Source
from seqgen.text import TextConfig, Tokenizer


@torch.inference_mode()
def label_log_probs(model: Labeller, batch: Any) -> npt.NDArray[np.float64]:
    """Of every label of a batch, in nats: [B, L], or of a tagger [B, S, L]."""
    found: npt.NDArray[np.float64] = torch.log_softmax(model(batch).double(), -1).numpy()
    return found


@dataclass(frozen=True)
class ClassifierConfig:
    """What ``config.json`` holds, of a classifier."""

    task: Literal["classify"]
    model: ClassifierModelConfig
    labels: tuple[str, ...]  # in the order of their numbers
    source: TextConfig | None = None  # of text that is read
    images: ImageConfig | None = None  # of images that are read
    vectors: VectorsConfig | None = None  # of words, that were given to it
    format: int = FORMAT
    versions: dict[str, str] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)  # SHA-256 of the other files
    sources: dict[str, Source] = field(default_factory=dict)  # of its parts that are not seqgen's


@dataclass(frozen=True)
class ClassifierBundle:
    """A classifier in memory.

    Attributes:
        config: what ``config.json`` holds.
        model: encoder and head.
        source: cuts text that is read; None where it reads images.
    """

    config: ClassifierConfig
    model: Labeller
    source: Tokenizer | None = None

    def tokenizers(self) -> dict[str, Tokenizer]:
        """The SentencePiece models by the names of their files."""
        return {tokenizer_files(False)[0]: self.source} if self.source else {}

    def log_probs(self, rows: Sequence[Any]) -> npt.NDArray[np.float64]:
        """See ``Labelled.log_probs``."""
        return label_log_probs(self.model, (text_batch if self.source else image_batch)(rows))


@reread
def read_classifier(folder: Path, code: Code = RECORDED) -> ClassifierBundle:
    """Load a classifier, in evaluation mode; arguments as those of ``read_bundle``.

    Raises:
        UserError: as ``read_bundle``.
    """
    folder, config = open_bundle(folder, ClassifierConfig, code)
    source = read_source(folder, config.source)
    sizes = (source.size if source else 0, len(config.labels))
    model = with_weights(
        folder, config, lambda: build_classifier(config.model, *sizes, 0, config.vectors)
    )
    return ClassifierBundle(config, model, source)


@reread
def begin_classifier_from(folder: Path, bundle: ClassifierBundle) -> None:
    """Give the model of ``bundle``, which is to be trained, the weights of another classifier.

    Raises:
        UserError: the other cannot be read, is of another model, or has other labels or tokens.
    """
    folder, config = open_bundle(folder, ClassifierConfig)
    source = read_source(folder, config.source)
    same = (config.labels, source) == (bundle.config.labels, bundle.source)
    take_weights(folder, bundle.model, "" if same else "has another vocabulary or other labels")


@dataclass(frozen=True)
class TaggerConfig:
    """What ``config.json`` holds, of a tagger."""

    task: Literal["tag"]
    model: TaggerModelConfig
    labels: tuple[str, ...]  # in the order of their numbers
    words: TextConfig  # of whole words
    characters: TextConfig
    column: str = "upos"  # of CoNLL-U, where such tags stand
    format: int = FORMAT
    versions: dict[str, str] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)  # SHA-256 of the other files
    sources: dict[str, Source] = field(default_factory=dict)  # of its parts that are not seqgen's


@dataclass(frozen=True)
class TaggerBundle:
    """A tagger in memory.

    Attributes:
        config: what ``config.json`` holds.
        model: encoder and head.
        lexicon: makes ids of words.
    """

    config: TaggerConfig
    model: Labeller
    lexicon: Lexicon

    def tokenizers(self) -> dict[str, Tokenizer]:
        """The SentencePiece models by the names of their files."""
        return {WORDS: self.lexicon.words, CHARACTERS: self.lexicon.characters}

    def log_probs(self, rows: Sequence[Any]) -> npt.NDArray[np.float64]:
        """See ``Labelled.log_probs``."""
        return label_log_probs(self.model, word_batch(rows))


@reread
def read_tagger(folder: Path, code: Code = RECORDED) -> TaggerBundle:
    """Load a tagger, in evaluation mode; arguments as those of ``read_bundle``.

    Raises:
        UserError: as ``read_bundle``.
    """
    folder, config = open_bundle(folder, TaggerConfig, code)
    lexicon = read_lexicon(folder, config.words, config.characters)
    sizes = (lexicon.words.size, lexicon.characters.size, len(config.labels))
    model = with_weights(folder, config, lambda: build_tagger(config.model, *sizes, seed=0))
    return TaggerBundle(config, model, lexicon)


@reread
def begin_tagger_from(folder: Path, bundle: TaggerBundle) -> None:
    """Give the model of ``bundle``, which is to be trained, the weights of another tagger.

    Raises:
        UserError: the other cannot be read, is of another model, or has other tags or words.
    """
    folder, config = open_bundle(folder, TaggerConfig)
    lexicon = read_lexicon(folder, config.words, config.characters)
    same = (config.labels, lexicon) == (bundle.config.labels, bundle.lexicon)
    take_weights(folder, bundle.model, "" if same else "has other words or other tags")
