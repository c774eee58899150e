"""A program that trains a describer: texts of the numbers of values, which it makes itself."""

from __future__ import annotations

import random
from pathlib import Path

from animals import ANIMALS

from seqgen.model.inputs import value_batch
from seqgen.training.describing import DescribingSettings, Examples, train_describer
from seqgen.training.report import Report
from seqgen.training.settings import read_settings

_SETTINGS = {
    "model.encoder": "seqgen.model.value:EmbeddingEncoder",
    "model.encoder_options": {"vocab_size": len(ANIMALS), "width": 16, "dropout": 0.2},
    "model.decoder": {"embedding_dim": 16, "hidden_dim": 24, "layers": 1, "dropout": 0.1},
    "data.target.vocab_size": 40,
    "training.batch_tokens": 100,
    "training.warmup": 5,
    "training.learning_rate": 0.02,
    "training.precision": "float32",
}


def some(count: int, seed: int) -> Examples[int]:
    """Numbers of animals, each with what one of them does."""
    chance = random.Random(seed)
    numbers = [chance.randrange(len(ANIMALS)) for _ in range(count)]
    names = list(ANIMALS)
    return Examples(numbers, [f"a {names[n]} {chance.choice(ANIMALS[names[n]])}" for n in numbers])


def train(out: Path, options: dict[str, object]) -> None:
    """Train into ``out``, or go on there."""
    changes = _SETTINGS | {f"training.{name}": value for name, value in options.items()}
    settings = read_settings(None, changes, DescribingSettings)
    train_describer(
        settings, out, some(200, 1), some(30, 2), value_batch, report=Report(quiet=True)
    )
