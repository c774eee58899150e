"""The folder of a model: which files it has, and whether they are whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from seqgen.config import from_dict
from seqgen.errors import UserError
from seqgen.exchange import refuse_links
from seqgen.files import checksum, read_json, set_aside

CONFIG, WEIGHTS, SCORES, SELFTEST, CARD = (
    "config.json",
    "weights.safetensors",
    "scores.json",
    "selftest.json",
    "README.md",
)
FORMAT, EXPORT = 1, "onnx-1"  # of a bundle, and of what is made of one to be run without torch


class Checked(Protocol):
    """What ``config.json`` holds, of any kind of model."""

    @property
    def checksums(self) -> dict[str, str]:
        """SHA-256 of the other files."""


C = TypeVar("C", bound=Checked)


def tokenizer_files(joint: bool) -> tuple[str, str]:
    """The file names of the source's and the target's SentencePiece model."""
    return ("joint.spm", "joint.spm") if joint else ("source.spm", "target.spm")


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
    # The last is where a training puts ``best`` while it exchanges it; it may be at work now.
    for candidate in (folder, folder / "best", set_aside(folder / "best")):
        if (candidate / CONFIG).exists():
            return candidate
    raise UserError(f"is no model: it has no {CONFIG}", folder, "give what training wrote")


@dataclass(frozen=True)
class Found:
    """A model that can be loaded, or might be.

    Attributes:
        folder: where it is, as it was given.
        task: what it does.
        exported: whether it is what ``seqgen export`` wrote, which does without torch.
    """

    folder: Path
    task: str
    exported: bool


def find_model(folder: Path) -> Found:
    """The model in ``folder``, as its ``config.json`` says.

    Raises:
        UserError: there is no model, or ``config.json`` is damaged or of a newer format.
    """
    values = read_values(find_bundle(folder), FORMAT, EXPORT)
    return Found(folder, str(values.get("task")), values["format"] == EXPORT)


def read_values(folder: Path, *formats: int | str) -> dict[str, Any]:
    """What ``config.json`` holds, which has one of ``formats``.

    Raises:
        UserError: it is damaged, or has another format.
    """
    refuse_links(folder / CONFIG)
    values = read_json(folder / CONFIG)
    found = values.get("format") if isinstance(values, dict) else None
    if found == EXPORT and EXPORT not in formats:
        raise UserError("is an export, run as it is", folder, "give the model it was made of")
    if found not in formats:
        raise UserError(
            f"has format {found}, this version reads {' and '.join(map(str, formats))}",
            folder / CONFIG,
            "check that it is a seqgen model, or install a newer seqgen",
        )
    return dict(values)


def open_folder(folder: Path, kind: type[C], expected: int | str = FORMAT) -> tuple[Path, C]:
    """Where the model in ``folder`` is, whose files are whole, and its ``config.json``.

    Args:
        folder: of the model, or of a training.
        kind: what ``config.json`` is to hold, such as ``BundleConfig``.
        expected: its format.

    Raises:
        UserError: there is no model; ``config.json`` is damaged, has a newer format or is of
            another kind of model; or as ``check_files``.
    """
    folder = find_bundle(folder)
    config = from_dict(kind, read_values(folder, expected), folder / CONFIG)
    check_files(folder, config.checksums)
    return folder, config


def check_files(folder: Path, checksums: dict[str, str]) -> None:
    """Compare the files of a bundle with their SHA-256.

    Raises:
        UserError: one is missing, truncated or edited, or a file of the folder is no plain file.
    """
    for path in folder.iterdir():
        refuse_links(path)
    for name, expected in checksums.items():
        if name != Path(name).name or name in ("", "..", CONFIG):
            raise UserError(f"names a file outside the bundle: {name}", folder / CONFIG)
        if checksum(folder / name) != expected:
            raise UserError(
                "does not match its checksum: truncated or edited",
                folder / name,
                "copy the model again",
            )
