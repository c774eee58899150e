"""A trained model on disk: a folder of JSON, safetensors and SentencePiece models."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from seqgen.config import from_dict, to_dict
from seqgen.data.shortlist import Shortlist
from seqgen.errors import UserError
from seqgen.exchange import reread
from seqgen.files import checksum, write_json, write_text
from seqgen.folders import (
    CARD,
    CONFIG,
    FORMAT,
    SCORES,
    SELFTEST,
    WEIGHTS,
    C,
    open_folder,
    read_values,
    tokenizer_files,
)
from seqgen.images import ImageConfig
from seqgen.loaded import read_tokenizers
from seqgen.model.build import ModelConfig, Seq2Seq, build_seq2seq
from seqgen.model.inputs import image_batch, text_batch, value_batch
from seqgen.model.language import LanguageStepper
from seqgen.model.listed import ListedStepper, allowed_mask
from seqgen.model.stepper import ModelStepper
from seqgen.model.weights import read_weights, write_weights
from seqgen.provenance import find_sources, with_code
from seqgen.running_text import line_feed
from seqgen.scoring.likelihood import token_log_probs
from seqgen.scoring.metrics import Metric
from seqgen.scoring.running import stream_log_probs
from seqgen.search.settings import SearchConfig
from seqgen.search.step import Stepper
from seqgen.sources import RECORDED, Code, Source
from seqgen.text import TextConfig, Tokenizer
from seqgen.version import VERSION

M = TypeVar("M", bound=nn.Module)


class Saved(Protocol):
    """What ``write_bundle`` can write."""

    @property
    def config(self) -> Any:
        """What ``config.json`` is to hold: a dataclass as ``BundleConfig`` or its like."""

    @property
    def model(self) -> nn.Module:
        """Whose weights are kept."""

    def tokenizers(self) -> dict[str, Tokenizer]:
        """The SentencePiece models by the names of their files."""


@dataclass(frozen=True)
class BundleConfig:
    """What ``config.json`` holds, of a model with a decoder."""

    task: Literal["translate", "caption", "write", "tell", "describe"]
    model: ModelConfig
    search: SearchConfig
    target: TextConfig
    source: TextConfig | None = None  # of text that is read
    images: ImageConfig | None = None  # of images that are read
    values: tuple[str, ...] = ()  # the values that are read, in the order of their numbers
    joint: bool = False  # one SentencePiece model for both sides of text
    format: int = FORMAT
    versions: dict[str, str] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)  # SHA-256 of the other files
    sources: dict[str, Source] = field(default_factory=dict)  # of its parts that are not seqgen's


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory.

    Attributes:
        config: what ``config.json`` holds.
        model: encoder and decoder.
        target: cuts what is written.
        source: cuts text that is read; None where the input is no text.
        shortlist: the tokens that a translation may have; None for all.
    """

    config: BundleConfig
    model: Seq2Seq
    target: Tokenizer
    source: Tokenizer | None = None
    shortlist: Shortlist | None = None

    def tokenizers(self) -> dict[str, Tokenizer]:
        """The SentencePiece models by the names of their files."""
        source, target = tokenizer_files(self.config.joint)
        return {target: self.target} | ({source: self.source} if self.source else {})

    def stepper(self) -> Stepper[Any]:
        """The model as a search sees it."""
        if self.config.task == "write":
            return LanguageStepper(self.model, line_feed(self.target))
        if self.shortlist is not None:
            return ListedStepper(self.model, self.shortlist)
        return ModelStepper(self.model)

    def shortened(self, path: Path) -> Bundle:
        """This translator with the tokens of a shortlist alone.

        Raises:
            UserError: ``path`` is no shortlist, or one of other tokens.
        """
        assert self.source is not None
        return replace(self, shortlist=Shortlist.open(path, self.source, self.target))

    def batch(self, inputs: Sequence[Any]) -> Any:
        """See ``Loaded.batch``."""
        return _BATCHES[self.config.task](inputs)

    def log_probs(self, batch: Any, targets: Sequence[Sequence[int]]) -> list[tuple[float, ...]]:
        """See ``Loaded.log_probs``."""
        within = None if self.shortlist is None else allowed_mask(self.shortlist, batch)
        return token_log_probs(self.model, batch, targets, within)

    @torch.inference_mode()
    def grid(self) -> tuple[int, int] | None:
        """See ``Loaded.grid``; all pictures are of one size, so that of one is that of all."""
        if self.config.images is None:
            return None
        size = self.config.images.size
        return self.model.encode(self.batch([np.zeros((3, size, size), np.float32)])).grid

    def stream(
        self, tokens: npt.NDArray[Any], most_rows: int
    ) -> Iterator[npt.NDArray[np.floating]]:
        """See ``Loaded.stream``."""
        first = line_feed(self.target)
        return stream_log_probs(self.model.decoder, tokens, first, most_rows)


_BATCHES: dict[str, Callable[[Sequence[Any]], Any]] = {
    "translate": text_batch, "caption": image_batch, "tell": value_batch, "write": list,
}  # fmt: skip


def write_bundle(
    folder: Path,
    bundle: Saved,
    scores: list[Metric],
    selftest: list[dict[str, Any]],
    card: str,
) -> None:
    """Write ``bundle`` into the existing ``folder``.

    Args:
        folder: written file by file; give one that ``writing_folder`` made.
        bundle: the model is written as float32 with tied weights once.
        scores: what it was measured to do.
        selftest: inputs, outputs and log-probabilities that ``verify`` replays.
        card: the model card, Markdown.
    """
    for name, tokenizer in bundle.tokenizers().items():
        tokenizer.save(folder / name)
    write_weights(folder / WEIGHTS, bundle.model)
    write_json(folder / SCORES, [to_dict(score) for score in scores])
    write_json(folder / SELFTEST, selftest)
    write_text(folder / CARD, card)
    written = sorted({*bundle.tokenizers(), WEIGHTS, SCORES, SELFTEST})
    values = to_dict(bundle.config)
    values["format"] = FORMAT
    values["versions"] = {
        "python": platform.python_version(), "torch": torch.__version__, "seqgen": VERSION,
    }  # fmt: skip
    sources = find_sources(bundle.config, bundle.model)
    values["sources"] = {name: to_dict(source) for name, source in sources.items()}
    values["checksums"] = {name: checksum(folder / name) for name in written}
    write_json(folder / CONFIG, values)


@dataclass(frozen=True)
class _Sources:
    """Of ``config.json``, what every kind of bundle says of its parts."""

    sources: dict[str, Source]


def read_sources(folder: Path) -> dict[str, Source]:
    """What the bundle in ``folder`` says of its parts that are not of seqgen.

    Raises:
        UserError: its ``config.json`` is damaged.
    """
    found = {"sources": read_values(folder, FORMAT).get("sources", {})}
    return from_dict(_Sources, found, folder / CONFIG).sources


def open_bundle(folder: Path, kind: type[C], code: Code = RECORDED) -> tuple[Path, C]:
    """Where the bundle in ``folder`` is, whose files are whole, and its ``config.json``.

    Args:
        folder: of the bundle, or of a training.
        kind: what ``config.json`` is to hold.
        code: where its parts that are not of seqgen come from.

    Raises:
        UserError: see ``open_folder`` and ``with_code``.
    """
    folder, config = open_folder(folder, kind)
    found: C = with_code(config, code, folder)
    return folder, found


def with_weights(folder: Path, config: Any, make: Callable[[], M]) -> M:
    """The model of an open bundle, in evaluation mode.

    Whatever an edited ``config.json`` leads ``make`` to is told as the fault of that file; what
    code that is not of seqgen raises keeps its traceback.

    Raises:
        UserError: the model cannot be made, or see ``read_weights``.
    """
    try:
        model = make()
    except UserError:
        raise
    except Exception as error:
        if config.sources:
            raise
        where = folder / CONFIG
        what = f"describes no model that can be made: {type(error).__name__}: {error}"
        raise UserError(what, where, "copy the model again") from error
    read_weights(folder / WEIGHTS, model)
    return model.eval()


@reread
def read_bundle(folder: Path, code: Code = RECORDED) -> Bundle:
    """Load a bundle with a decoder, in evaluation mode.

    Args:
        folder: of the bundle, or of a training.
        code: where its parts that are not of seqgen come from.

    Raises:
        UserError: a file is missing, truncated, edited, or does not fit the others; or see
            ``with_code``.
    """
    folder, config = open_bundle(folder, BundleConfig, code)
    target, source = read_tokenizers(folder, config.target, config.source, config.joint)
    read = source.size if source else len(config.values)
    model = with_weights(
        folder, config, lambda: build_seq2seq(config.model, read, target.size, seed=0)
    )
    return Bundle(config, model, target, source)


@reread
def begin_from(folder: Path, model: Seq2Seq, target: Tokenizer) -> None:
    """Give ``model``, which is to be trained, the weights of a bundle.

    Raises:
        UserError: the bundle cannot be read, is of another model, or has another ``target``.
    """
    folder, config = open_bundle(folder, BundleConfig)
    theirs, _ = read_tokenizers(folder, config.target, config.source, config.joint)
    take_weights(folder, model, "" if theirs == target else "has another vocabulary")


def take_weights(folder: Path, model: nn.Module, unlike: str) -> None:
    """Give ``model``, which is to be trained, the weights of an open bundle.

    Raises:
        UserError: it is ``unlike``, in these words, or of another model.
    """
    if unlike:
        raise UserError(unlike, folder, "train both with the same data and [data] settings")
    read_weights(folder / WEIGHTS, model)
