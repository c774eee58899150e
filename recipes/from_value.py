"""From a single value: one-to-many, an embedding in front of the decoder.

    python recipes/from_value.py                                 # who a scene is about: a sentence
    python recipes/from_value.py --train names.tsv --valid more.tsv   # a value, a tab, a text

It learns what is said of each value, then draws texts of its own: how many of them are different,
how many are new, and how many of the scenes' sentences name who was asked for.
Run it again after it was stopped, and it goes on where it was.
"""

import argparse
from pathlib import Path

from seqgen.cli import run_command
from seqgen.data.prepare import PairFiles, read_pairs
from seqgen.files import write_text
from seqgen.scenes.corpus import generate
from seqgen.scenes.english import english
from seqgen.scoring.diversity import words
from seqgen.search.sample import Sample
from seqgen.training.run import resume_teller, train_teller
from seqgen.training.settings import TellingSettings, read_settings

SETTINGS = {
    "data.target.vocab_size": 400,
    "model.encoder_options": {"width": 64, "dropout": 0.1},
    "model.decoder": {"embedding_dim": 128, "hidden_dim": 192, "layers": 1, "dropout": 0.2},
    "training.max_epochs": 15,
    "training.warmup": 50,
    "training.learning_rate": 4e-3,
    "training.average": 0.99,
}
SHOWN, DRAWN = 3, 40  # texts of each value


def main() -> None:
    """Train, then draw texts for each value."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=Path, help="lines of a value, a tab and a text")
    parser.add_argument("--valid", type=Path, help="as --train")
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--encoder", default="", help="your own, as ./file.py:Class")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder of the training")
    given = parser.parse_args()
    name = given.train.stem if given.train else "scenes"
    kind = ("tell", name, given.encoder.rpartition(":")[2], str(given.seed))
    out = given.out or Path("runs", "-".join(filter(None, kind)))
    files = given.train, given.valid
    if not given.train:
        files = write_scenes(out.with_name(f"{out.name}-text"))

    if (out / "settings.json").exists():
        model = resume_teller(out)
    else:
        changes = {**SETTINGS, "data.train": str(files[0]), "data.valid": str(files[1] or "")}
        changes["training.seed"] = given.seed
        if given.encoder:
            changes |= {"model.encoder": given.encoder, "model.encoder_options": {}}
        model = train_teller(read_settings(None, changes, TellingSettings), out)

    values = model.values.names
    asked = [value for value in values for _ in range(DRAWN)]
    texts = model.tell(asked, Sample(given.temperature, seed=given.seed))
    for number, value in enumerate(values):
        print(f"\n{value}:", *texts[number * DRAWN :][:SHOWN], sep="\n  ")
    known = {text for _, text in read_pairs(PairFiles(files[0]))}
    new = sum(text not in known for text in texts) / len(texts)
    print(f"\n{len(texts):,} texts drawn, {len(set(texts)):,} different, {new:.1%} new")
    if not given.train:
        named = [bool({value, f"{value}s", f"{value}es"} & set(words(text)))
                 for value, text in zip(asked, texts, strict=True)]  # fmt: skip
        print(f"{sum(named) / len(named):.1%} name who was asked for")


def write_scenes(folder: Path) -> tuple[Path, Path]:
    """Who each scene is about, and its sentence."""
    parts = generate()
    paths = folder / "train.tsv", folder / "valid.tsv"
    for path in paths:
        lines = (f"{s.subject.kind}\t{english(s)}\n" for s in parts[path.stem])
        write_text(path, "".join(lines))
    return paths


if __name__ == "__main__":
    run_command(main)
