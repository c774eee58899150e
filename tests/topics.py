"""Sentences and pictures with labels that a tiny classifier learns in seconds."""

import csv
import random
from pathlib import Path

from squares import COLOURS, draw

TOPICS = {"food": ("bread", "soup", "eats"), "sport": ("ball", "runs", "goal")}
OTHER = ("the", "a", "cat", "dog", "big", "red", "old")


def sentence(topic: str, chance: random.Random) -> str:
    """Two to six words, one of which tells the topic."""
    words = [chance.choice(OTHER) for _ in range(chance.randint(1, 5))]
    words.insert(chance.randint(0, len(words)), chance.choice(TOPICS[topic]))
    return " ".join(words)


def write_topics(path: Path, rows: int, seed: int) -> Path:
    """Write a CSV with the columns label and text."""
    chance = random.Random(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["label", "text"])
        for _ in range(rows):
            topic = chance.choice(list(TOPICS))
            table.writerow([topic, sentence(topic, chance)])
    return path


def write_colours(folder: Path, rows: int) -> Path:
    """Write ``rows`` pictures of squares and, in ``colours.tsv``, their colours."""
    chance = random.Random(1)
    (folder / "pictures").mkdir(parents=True)
    lines = []
    for number in range(rows):
        colour, place = COLOURS[number % 4], chance.choice(("left", "right"))
        draw(colour, place, chance.randint(4, 36)).save(folder / "pictures" / f"{number}.png")
        lines.append(f"{number}.png\t{colour}\n")
    (folder / "colours.tsv").write_text("".join(lines), "utf-8")
    return folder / "colours.tsv"


def _training(chosen: dict[str, object]) -> dict[str, object]:
    usual = {
        "max_epochs": 2, "batch_tokens": 100, "warmup": 5, "learning_rate": 0.02, "average": 0.0,
        "precision": "float32",
    }  # fmt: skip
    return {f"training.{name}": value for name, value in (usual | chosen).items()}


def topic_settings(folder: Path, **training: object) -> dict[str, object]:
    """Changes to the default settings for a classifier of sentences."""
    return {
        "data.train": str(write_topics(folder / "train.csv", 200, seed=1)),
        "data.valid": str(write_topics(folder / "valid.csv", 40, seed=2)),
        "data.source.vocab_size": 40,
        "model.encoder_options": {"embedding_dim": 12, "hidden_dim": 8, "dropout": 0.2},
        "model.head": {"dropout": 0.2},
    } | _training(training)


def vector_settings(folder: Path, **training: object) -> dict[str, object]:
    """Changes to the default settings for one that is given vectors of words, unseen ones too."""
    given = {"food": "1 2 0", "sport": "-2 -1 0"}
    lines = [f"{word} {given[topic]}" for topic in TOPICS for word in TOPICS[topic]]
    lines += [f"Cake {given['food']}", f"kicks {given['sport']}", "of 0 0 -1"]
    changes = topic_settings(folder, **training)
    (folder / "vectors.txt").write_text("\n".join(lines), "utf-8")
    words: dict[str, object] = {"data.source.kind": "word", "data.source.lowercase": True}
    words["data.source.vocab_size"] = 13  # so that training meets words without an embedding
    return changes | words | {"data.vectors": str(folder / "vectors.txt")}


def colour_settings(folder: Path, rows: int = 48, **training: object) -> dict[str, object]:
    """Changes to the default settings for a classifier of pictures."""
    return {
        "data.train": str(write_colours(folder, rows)),
        "data.images": str(folder / "pictures"),
        "data.valid_share": 0.25,
        "model.encoder_options": {
            "backbone": "small", "weights": "none", "tuned_stages": -1, "output_dim": 16,
            "dropout": 0.0,
        },
        "model.head": {"pooling": "mean", "dropout": 0.0},
    } | _training({"learning_rate": 0.003} | training)  # fmt: skip
