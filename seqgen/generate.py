"""From a folder on disk to what the model in it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seqgen.bundle import Bundle, read_bundle
from seqgen.captioner import Captioner
from seqgen.errors import UserError
from seqgen.teller import Teller
from seqgen.translator import Translator
from seqgen.writer import Writer


def load(*folders: str | Path) -> Any:
    """Load a trained model, or several as an ensemble.

    It is a ``Translator``, a ``Captioner``, a ``Writer`` or a ``Teller``, as its ``config.json``
    says.

    Args:
        folders: each a bundle, or the folder of a training (its best model is taken).

    Raises:
        UserError: a folder is missing, damaged or no model.
    """
    bundles = _bundles(folders)
    kinds: dict[str, Any] = {
        "translate": Translator, "caption": Captioner, "write": Writer, "tell": Teller,
    }  # fmt: skip
    return kinds[bundles[0].config.task](*bundles)


def load_translator(*folders: str | Path) -> Translator:
    """``load``, where only a translator will do."""
    return Translator(*_bundles(folders))


def load_captioner(*folders: str | Path) -> Captioner:
    """``load``, where only a captioner will do."""
    return Captioner(*_bundles(folders))


def load_writer(*folders: str | Path) -> Writer:
    """``load``, where only a language model will do."""
    return Writer(*_bundles(folders))


def load_teller(*folders: str | Path) -> Teller:
    """``load``, where only a model that writes from single values will do."""
    return Teller(*_bundles(folders))


def _bundles(folders: tuple[str | Path, ...]) -> list[Bundle]:
    if not folders:
        raise UserError("no model given")
    return [read_bundle(Path(folder)) for folder in folders]
