"""What three animals do, as values and texts that a small model learns in seconds."""

import random
from pathlib import Path

ANIMALS = {"cat": ("sleeps", "purrs"), "dog": ("runs", "barks"), "sea bird": ("flies", "sings")}


def write_animals(path: Path, lines: int, seed: int) -> Path:
    """Write lines of an animal, a tab, and a sentence on it."""
    chance = random.Random(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = ""
    for _ in range(lines):
        animal = chance.choice(list(ANIMALS))
        text += (
            f"{animal}\t{chance.choice(('a', 'the'))} {animal} {chance.choice(ANIMALS[animal])}\n"
        )
    path.write_text(text, "utf-8")
    return path


def animal_settings(folder: Path, **training: object) -> dict[str, object]:
    """Changes to the default settings for a model of what animals do."""
    chosen = {
        "max_epochs": 2,
        "batch_tokens": 100,
        "warmup": 5,
        "learning_rate": 0.02,
        "average": 0.0,
        "precision": "float32",
    }
    return {
        "data.train": str(write_animals(folder / "train.tsv", 200, seed=1)),
        "data.valid": str(write_animals(folder / "valid.tsv", 30, seed=2)),
        "data.target.vocab_size": 40,
        "model.encoder_options": {"width": 16},
        "model.decoder": {"embedding_dim": 16, "hidden_dim": 24, "layers": 1, "dropout": 0.1},
    } | {f"training.{k}": v for k, v in (chosen | training).items()}
