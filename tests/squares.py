"""Pictures of a coloured square with captions that a tiny captioner learns in seconds."""

import json
import random
from pathlib import Path

from PIL import Image, ImageDraw

COLOURS = ("red", "green", "blue", "black")
PLACES = {"left": 4, "right": 36}
TELL = ("a {} square on the {}", "there is a {} square on the {}")


def draw(colour: str, place: str, down: int = 20) -> Image.Image:
    """A square on white, 64 by 64 pixels."""
    image = Image.new("RGB", (64, 64), "white")
    left = PLACES[place]
    ImageDraw.Draw(image).rectangle((left, down, left + 23, down + 23), colour)
    return image


def write_squares(folder: Path, train: int = 48, valid: int = 8) -> Path:
    """Write ``images/`` and ``captions.jsonl``: two captions a picture."""
    chance = random.Random(1)
    (folder / "images").mkdir(parents=True)
    lines = []
    for number in range(train + valid):
        colour, place = COLOURS[number % 4], ("left", "right")[number // 4 % 2]
        name = f"{number}.png"
        draw(colour, place, 4 + int(chance.random() * 32)).save(folder / "images" / name)
        captions = [tell.format(colour, place) for tell in TELL]
        split = "train" if number < train else "valid"
        lines.append(json.dumps({"image": name, "captions": captions, "split": split}) + "\n")
    (folder / "captions.jsonl").write_text("".join(lines), "utf-8")
    return folder


def caption_settings(folder: Path, pictures: int = 48, **training: object) -> dict[str, object]:
    """Changes to the default settings for a captioner of the squares."""
    write_squares(folder, pictures)
    values = {
        "data.captions": str(folder),
        "data.flip": False,
        "data.image": {"size": 64, "resize": 64},
        "data.target.vocab_size": 40,
        "model.encoder_options": {
            "backbone": "small", "weights": "none", "tuned_stages": -1, "output_dim": 32,
            "dropout": 0.0,
        },
        "model.decoder": {"embedding_dim": 32, "hidden_dim": 32, "dropout": 0.0},
    }  # fmt: skip
    chosen = {
        "max_epochs": 2,
        "batch_tokens": 150,
        "warmup": 10,
        "learning_rate": 0.01,
        "average": 0.9,
        "precision": "float32",
    }
    return values | {f"training.{k}": v for k, v in (chosen | training).items()}
