"""One recurrent decoder, exact searches, any encoder.

>>> import seqgen
>>> model = seqgen.load("runs/scenes")            # doctest: +SKIP
>>> model.translate(["a small red ball"])         # doctest: +SKIP

Names are loaded when first used, so that ``import seqgen`` costs nothing.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from seqgen.version import VERSION

if TYPE_CHECKING:
    from seqgen.errors import UserError as UserError
    from seqgen.generate import load as load
    from seqgen.model.decoder import Decoder as Decoder
    from seqgen.model.decoder import DecoderConfig as DecoderConfig
    from seqgen.model.memory import Memory as Memory
    from seqgen.model.memory import TextBatch as TextBatch
    from seqgen.scoring.metrics import bleu as bleu
    from seqgen.search.beam import Beam as Beam
    from seqgen.search.sample import Greedy as Greedy
    from seqgen.search.sample import Sample as Sample
    from seqgen.training.run import train_translator as train_translator
    from seqgen.training.settings import Settings as Settings
    from seqgen.training.settings import read_settings as read_settings
    from seqgen.translator import Translation as Translation
    from seqgen.translator import Translator as Translator

__version__ = VERSION

# torch keeps the last 1,024 kernels that it made for a shape, and some keep half a megabyte; as
# every batch of sequences has a shape of its own, that is gigabytes that are never used again.
for _name in ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"):
    os.environ.setdefault(_name, "64")

_PLACES = {
    "Beam": "seqgen.search.beam",
    "Decoder": "seqgen.model.decoder",
    "DecoderConfig": "seqgen.model.decoder",
    "Greedy": "seqgen.search.sample",
    "Memory": "seqgen.model.memory",
    "Sample": "seqgen.search.sample",
    "Settings": "seqgen.training.settings",
    "TextBatch": "seqgen.model.memory",
    "Translation": "seqgen.translator",
    "Translator": "seqgen.translator",
    "UserError": "seqgen.errors",
    "bleu": "seqgen.scoring.metrics",
    "load": "seqgen.generate",
    "read_settings": "seqgen.training.settings",
    "train_translator": "seqgen.training.run",
}
__all__ = sorted([*_PLACES, "__version__"])


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'seqgen' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
