"""A small running text that a small language model learns in seconds."""

import random
from pathlib import Path

WORDS = ("the cat", "a dog", "one bird")
DEEDS = ("sleeps", "runs", "sings")


def write_prose(path: Path, lines: int = 150, seed: int = 1) -> Path:
    """Write sentences about three animals, a paragraph every four lines."""
    chance = random.Random(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = ""
    for number in range(lines):
        text += f"{chance.choice(WORDS)} {chance.choice(DEEDS)}.\n" + "\n" * (number % 4 == 3)
    path.write_text(text, "utf-8")
    return path


def prose_settings(folder: Path, unit: str = "char", **training: object) -> dict[str, object]:
    """Changes to the default settings for a language model of ``prose.txt``."""
    chosen = {
        "max_epochs": 2,
        "batch_tokens": 120,
        "warmup": 5,
        "learning_rate": 0.01,
        "average": 0.0,
        "precision": "float32",
    }
    return {
        "data.train": str(write_prose(folder / "prose.txt")),
        "data.unit": unit,
        "data.vocab_size": 310,
        "data.window": 30,
        "model.decoder": {
            "embedding_dim": 16, "hidden_dim": 24, "layers": 2, "attention": "none",
            "dropout": 0.1, "weight_dropout": 0.2,
        },
    } | {f"training.{k}": v for k, v in (chosen | training).items()}  # fmt: skip
