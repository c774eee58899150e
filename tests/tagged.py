"""Tiny sentences whose tags follow from the endings of their words and from what stands before."""

import random
from pathlib import Path

from seqgen.data.conllu import sentence_lines

Pairs = list[tuple[str, str]]


def sentences(count: int, seed: int) -> list[Pairs]:
    """Made-up nouns that end in -a and verbs in -ist; "run" is what the word before makes it."""
    chance = random.Random(seed)

    def made(ending: str) -> str:
        return "".join(chance.choice("bdgklmn") + chance.choice("aeiou") for _ in "12") + ending

    found = []
    for _ in range(count):
        noun = "run" if chance.random() < 0.3 else made("a")
        verb = "run" if chance.random() < 0.3 else made("ist")
        pairs = [("the", "DET"), (noun, "NOUN"), ("may", "AUX"), (verb, "VERB")]
        if chance.random() < 0.5:
            pairs += [("here", "ADV")]
        found.append([*pairs, (".", "PUNCT")])
    return found


def write_tsv(path: Path, count: int, seed: int) -> Path:
    """Write such sentences as lines of a word, a tab and its tag."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (sentence_lines(*zip(*pairs, strict=True)) for pairs in sentences(count, seed))
    path.write_text("".join(lines), "utf-8")
    return path


def write_conllu(path: Path, count: int, seed: int) -> Path:
    """Write such sentences in CoNLL-U, with comments, multiword tokens and empty nodes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = ""
    for number, pairs in enumerate(sentences(count, seed), start=1):
        text += f"# sent_id = {number}\n"
        for place, (word, tag) in enumerate(pairs, start=1):
            if place == 3:
                text += "3-4\tmay-be\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\n"
            text += f"{place}\t{word}\t{word}\t{tag}\t{tag[0]}\t_\t0\troot\t_\tA b=c\n"
        text += f"{len(pairs)}.1\tx\t_\tX\t_\t_\t_\t_\t_\t_\n\n"
    path.write_text(text, "utf-8")
    return path


def tag_settings(folder: Path, write=write_tsv, **training: object) -> dict[str, object]:
    """Changes to the default settings for a model of such sentences."""
    chosen = {
        "max_epochs": 2,
        "batch_tokens": 60,
        "warmup": 5,
        "learning_rate": 0.02,
        "average": 0.0,
        "precision": "float32",
    }
    suffix = write.__name__.removeprefix("write_")
    return {
        "data.train": str(write(folder / f"train.{suffix}", 150, seed=1)),
        "data.valid": str(write(folder / f"valid.{suffix}", 40, seed=2)),
        "data.words.vocab_size": 40,
        "model.encoder_options": {
            "embedding_dim": 8, "character_dim": 8, "spelling_dim": 10, "hidden_dim": 12,
            "dropout": 0.1,
        },
    } | {f"training.{k}": v for k, v in (chosen | training).items()}  # fmt: skip
