"""An exported classifier or tagger, computed by ONNX Runtime and NumPy: no torch here either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from seqgen.data.words import Lexicon, WordRow, word_arrays
from seqgen.folders import EXPORT, open_folder
from seqgen.images import ImageConfig
from seqgen.loaded import read_lexicon, read_source
from seqgen.runtime import Arrays, Session, text_arrays
from seqgen.text import TextConfig, Tokenizer

LABEL = "label.onnx"


@dataclass(frozen=True)
class ClassifierExport:
    """What ``config.json`` of an exported classifier holds."""

    task: Literal["classify"]
    labels: tuple[str, ...]  # in the order of their numbers
    source: TextConfig | None = None  # of text that is read
    images: ImageConfig | None = None  # of images that are read
    format: str = EXPORT
    versions: dict[str, str] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)  # SHA-256 of the other files


@dataclass(frozen=True)
class TaggerExport:
    """What ``config.json`` of an exported tagger holds."""

    task: Literal["tag"]
    labels: tuple[str, ...]  # in the order of their numbers
    words: TextConfig  # of whole words
    characters: TextConfig
    column: str = "upos"  # of CoNLL-U, where such tags stand
    format: str = EXPORT
    versions: dict[str, str] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)  # SHA-256 of the other files


@dataclass(frozen=True)
class ExportedClassifier:
    """An exported classifier in memory.

    Attributes:
        config: what ``config.json`` holds.
        source: cuts text that is read; None where it reads images.
        session: from inputs to logits [B, L].
    """

    config: ClassifierExport
    source: Tokenizer | None
    session: Session

    def log_probs(self, rows: Sequence[Any]) -> npt.NDArray[np.float64]:
        """See ``Labelled.log_probs``."""
        read = text_arrays(rows) if self.source else {"pixels": np.stack(rows)}
        return _log_softmax(self.session(read))


@dataclass(frozen=True)
class ExportedTagger:
    """An exported tagger in memory.

    Attributes:
        config: what ``config.json`` holds.
        lexicon: makes ids of words.
        session: from words to logits [B, S, L].
    """

    config: TaggerExport
    lexicon: Lexicon
    session: Session

    def log_probs(self, rows: Sequence[WordRow]) -> npt.NDArray[np.float64]:
        """See ``Labelled.log_probs``."""
        tokens, lengths, spelled, spellings = word_arrays(rows)
        read: Arrays = {
            "tokens": tokens, "lengths": lengths.astype(np.int32), "spelled": spelled,
            "spellings": spellings,
        }  # fmt: skip
        return _log_softmax(self.session(read))


def _log_softmax(found: Arrays) -> npt.NDArray[np.float64]:
    """The log-probabilities of ``logits`` [..., L], over the labels."""
    logits = found["logits"].astype(np.float64)
    shifted = logits - logits.max(-1, keepdims=True)
    log_probs: npt.NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return log_probs


def read_exported_classifier(folder: Path) -> ExportedClassifier:
    """Load what ``seqgen export`` made of a classifier.

    Raises:
        UserError: a file is missing, truncated or edited, or ONNX Runtime is not installed.
    """
    folder, config = open_folder(folder, ClassifierExport, EXPORT)
    source = read_source(folder, config.source)
    return ExportedClassifier(config, source, Session(folder / LABEL))


def read_exported_tagger(folder: Path) -> ExportedTagger:
    """Load what ``seqgen export`` made of a tagger.

    Raises:
        UserError: as ``read_exported_classifier``.
    """
    folder, config = open_folder(folder, TaggerExport, EXPORT)
    lexicon = read_lexicon(folder, config.words, config.characters)
    return ExportedTagger(config, lexicon, Session(folder / LABEL))
