"""From a folder on disk to what the model in it does."""

from __future__ import annotations

from pathlib import Path

from seqgen.bundle import read_bundle
from seqgen.errors import UserError
from seqgen.translator import Translator


def load(*folders: str | Path) -> Translator:
    """Load a trained model, or several as an ensemble.

    Args:
        folders: each a bundle, or the folder of a training (its best model is taken).

    Raises:
        UserError: a folder is missing, damaged or no model.
    """
    if not folders:
        raise UserError("no model given")
    return Translator(*(read_bundle(Path(folder)) for folder in folders))
