"""From a folder on disk to what the model in it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seqgen.bundle import Bundle, read_bundle, read_task
from seqgen.captioner import Captioner
from seqgen.classifier import Classifier
from seqgen.errors import UserError
from seqgen.labelled import read_classifier
from seqgen.teller import Teller
from seqgen.translator import Translator
from seqgen.writer import Writer


def load(*folders: str | Path) -> Any:
    """Load a trained model, or several as an ensemble.

    It is a ``Translator``, a ``Captioner``, a ``Writer``, a ``Teller`` or a ``Classifier``, as
    its ``config.json`` says.

    Args:
        folders: each a bundle, or the folder of a training (its best model is taken).

    Raises:
        UserError: a folder is missing, damaged or no model.
    """
    loaders: dict[str, Any] = {
        "translate": load_translator, "caption": load_captioner, "write": load_writer,
        "tell": load_teller, "classify": load_classifier,
    }  # fmt: skip
    if not folders:
        raise UserError("no model given")
    folder = Path(folders[0])
    task = read_task(folder)
    if task not in loaders:
        raise UserError(f"has the task '{task}'", folder, f"known are {', '.join(loaders)}")
    return loaders[task](*folders)


def load_translator(*folders: str | Path) -> Translator:
    """``load``, where only a translator will do."""
    return Translator(*_bundles(folders, "translate"))


def load_captioner(*folders: str | Path) -> Captioner:
    """``load``, where only a captioner will do."""
    return Captioner(*_bundles(folders, "caption"))


def load_writer(*folders: str | Path) -> Writer:
    """``load``, where only a language model will do."""
    return Writer(*_bundles(folders, "write"))


def load_teller(*folders: str | Path) -> Teller:
    """``load``, where only a model that writes from single values will do."""
    return Teller(*_bundles(folders, "tell"))


def load_classifier(*folders: str | Path) -> Classifier:
    """``load``, where only a classifier will do."""
    return Classifier(*map(read_classifier, _checked(folders, "classify")))


def _bundles(folders: tuple[str | Path, ...], task: str) -> list[Bundle]:
    return [read_bundle(folder) for folder in _checked(folders, task)]


def _checked(folders: tuple[str | Path, ...], task: str) -> list[Path]:
    """The folders, each of a model for ``task``."""
    if not folders:
        raise UserError("no model given")
    for folder in map(Path, folders):
        if (found := read_task(folder)) != task:
            raise UserError(f"this model can {found}, not {task}", folder)
    return [Path(folder) for folder in folders]
