"""A tiny language pair that a tiny model learns: words reversed, each in its own spelling."""

import random
from pathlib import Path

WORDS = {"red": "rot", "big": "groß", "dog": "hund", "cat": "katze", "sees": "sieht", "a": "ein"}


def write_pairs(folder: Path, name: str, count: int, seed: int) -> tuple[Path, Path]:
    """Write ``count`` pairs of one to four words to ``name.en`` and ``name.de``."""
    chance = random.Random(seed)
    lines = [
        [list(WORDS)[int(chance.random() * 6)] for _ in range(1 + int(chance.random() * 4))]
        for _ in range(count)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    source, target = folder / f"{name}.en", folder / f"{name}.de"
    source.write_text("".join(" ".join(line) + "\n" for line in lines), "utf-8")
    target.write_text(
        "".join(" ".join(WORDS[word] for word in reversed(line)) + "\n" for line in lines), "utf-8"
    )
    return source, target


def settings(folder: Path, **training: object) -> dict[str, object]:
    """Changes to the default settings for a model that learns the pairs in seconds."""
    train = write_pairs(folder, "train", 400, seed=1)
    valid = write_pairs(folder, "valid", 30, seed=2)
    small = {"embedding_dim": 32, "hidden_dim": 32, "dropout": 0.1}
    values = {
        "data.train_source": str(train[0]),
        "data.train_target": str(train[1]),
        "data.valid_source": str(valid[0]),
        "data.valid_target": str(valid[1]),
        "data.source.vocab_size": 40,
        "model.encoder_options": small,
        "model.decoder": small,
    }
    chosen = {
        "max_epochs": 2,
        "batch_tokens": 200,
        "warmup": 10,
        "learning_rate": 0.01,
        "average": 0.9,
        "precision": "float32",
    }
    return values | {f"training.{k}": v for k, v in (chosen | training).items()}
