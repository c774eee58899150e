"""A trained model on disk: a folder of JSON, safetensors and SentencePiece models."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from seqgen.config import from_dict, to_dict
from seqgen.errors import UserError
from seqgen.files import checksum, read_json, settle_folder, write_json, write_text
from seqgen.images import ImageConfig
from seqgen.model.build import ModelConfig, Seq2Seq, build_seq2seq
from seqgen.provenance import find_sources, with_code
from seqgen.scoring.metrics import Metric
from seqgen.search.settings import SearchConfig
from seqgen.sources import RECORDED, Code, Source
from seqgen.text import TextConfig, Tokenizer
from seqgen.version import VERSION

CONFIG, WEIGHTS, SCORES, SELFTEST, CARD = (
    "config.json",
    "weights.safetensors",
    "scores.json",
    "selftest.json",
    "README.md",
)
FORMAT = 1

C = TypeVar("C")


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

    task: Literal["translate", "caption", "write", "tell"]
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
    """

    config: BundleConfig
    model: Seq2Seq
    target: Tokenizer
    source: Tokenizer | None = None

    def tokenizers(self) -> dict[str, Tokenizer]:
        """The SentencePiece models by the names of their files."""
        source, target = tokenizer_files(self.config.joint)
        return {target: self.target} | ({source: self.source} if self.source else {})


def tokenizer_files(joint: bool) -> tuple[str, str]:
    """The file names of the source's and the target's SentencePiece model."""
    return ("joint.spm", "joint.spm") if joint else ("source.spm", "target.spm")


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
    save_file(_tensors(bundle.model), folder / WEIGHTS)
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


def read_sources(folder: Path) -> dict[str, Source]:
    """What the bundle in ``folder`` says of its parts that are not of seqgen.

    Raises:
        UserError: its ``config.json`` is damaged.
    """
    found = _read_values(folder).get("sources", {})
    return {kind: from_dict(Source, one, folder / CONFIG) for kind, one in found.items()}


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers by name, each once however many names it goes by."""
    named = [*model.named_parameters(), *model.named_buffers()]
    return {name: tensor.detach().contiguous() for name, tensor in named}


def find_bundle(folder: Path) -> Path:
    """The bundle meant by ``folder``: itself, or ``best/`` in the folder of a training.

    Raises:
        UserError: there is none.
    """
    if not folder.is_dir():
        raise UserError(
            "does not exist" if not folder.exists() else "is not a folder",
            folder,
            "give the folder of a trained model",
        )
    settle_folder(folder / "best")
    for candidate in (folder, folder / "best"):
        if (candidate / CONFIG).is_file():
            return candidate
    raise UserError(f"is no model: it has no {CONFIG}", folder, "give what training wrote")


def read_task(folder: Path) -> str:
    """What the model in ``folder`` does, as its ``config.json`` says.

    Raises:
        UserError: there is no model, or ``config.json`` is damaged or of a newer format.
    """
    return str(_read_values(find_bundle(folder)).get("task"))


def _read_values(folder: Path) -> dict[str, Any]:
    values = read_json(folder / CONFIG)
    found = values.get("format") if isinstance(values, dict) else None
    if found != FORMAT:
        raise UserError(
            f"has format {found}, this version reads {FORMAT}",
            folder / CONFIG,
            "check that it is a seqgen model, or install a newer seqgen",
        )
    return dict(values)


def read_config(folder: Path, kind: type[C]) -> C:
    """``config.json`` as a ``kind``, such as ``BundleConfig``.

    Raises:
        UserError: it is damaged, made by a newer format, or of another kind of model.
    """
    return from_dict(kind, _read_values(folder), folder / CONFIG)


def check_files(folder: Path, checksums: dict[str, str]) -> None:
    """Compare the files of a bundle with their SHA-256.

    Raises:
        UserError: one is missing, truncated or edited.
    """
    for name, expected in checksums.items():
        if name != Path(name).name:
            raise UserError(f"names a file outside the bundle: {name}", folder / CONFIG)
        if checksum(folder / name) != expected:
            raise UserError(
                "does not match its checksum: truncated or edited",
                folder / name,
                "copy the model again",
            )


def read_bundle(folder: Path, code: Code = RECORDED) -> Bundle:
    """Load a bundle with a decoder, in evaluation mode.

    Args:
        folder: of the bundle, or of a training.
        code: where its parts that are not of seqgen come from.

    Raises:
        UserError: a file is missing, truncated, edited, or does not fit the others; or see
            ``with_code``.
    """
    folder = find_bundle(folder)
    config = read_config(folder, BundleConfig)
    check_files(folder, config.checksums)
    source_file, target_file = tokenizer_files(config.joint)
    target = Tokenizer.load(folder / target_file, config.target.lowercase)
    source = None
    if config.source is not None:
        source = Tokenizer.load(folder / source_file, config.source.lowercase)
    read = source.size if source else len(config.values)
    config = with_code(config, code, folder)
    model = build_seq2seq(config.model, read, target.size, seed=0)
    read_weights(folder / WEIGHTS, model)
    return Bundle(config, model.eval(), target, source)


def begin_from(folder: Path, model: Seq2Seq, target: Tokenizer) -> None:
    """Give ``model``, which is to be trained, the weights of a bundle.

    Raises:
        UserError: the bundle cannot be read, is of another model, or has another ``target``.
    """
    folder = find_bundle(folder)
    other = read_bundle(folder)
    if other.target != target:
        raise UserError(
            "has another vocabulary", folder, "train both with the same data and [data] settings"
        )
    read_weights(folder / WEIGHTS, model)


def read_weights(path: Path, model: nn.Module) -> None:
    """Fill ``model`` with the tensors of a safetensors file; names and shapes must agree.

    Raises:
        UserError: the file is damaged, or made for another model (the tensor is named).
    """
    try:
        found = load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"cannot be read: {error}", path, "copy the model again") from error
    wanted = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    odd = sorted(wanted.keys() ^ found.keys())
    if odd:
        side = "lacks" if odd[0] in wanted else "has an unknown"
        raise UserError(f"{side} tensor '{odd[0]}'", path, "its config.json is of another model")
    with torch.no_grad():
        for name, tensor in wanted.items():
            if tensor.shape != found[name].shape:
                raise UserError(
                    f"tensor '{name}' is {list(found[name].shape)}, config.json says"
                    f" {list(tensor.shape)}",
                    path,
                )
            tensor.copy_(found[name])
