"""Language models: nothing-to-many, the decoder alone, trained on running text.

    python recipes/language_model.py                             # the scenes, told as stories
    python recipes/language_model.py --corpus tinyshakespeare    # SEQGEN_DATA names the data
    python recipes/language_model.py --corpus ptb --unit word

The default is the classic lesson: one LSTM of 64 units, windows of 100 characters, Adam at 0.01.
Run it again after it was stopped, and it goes on where it was. Counting models are compared.
"""

import argparse
import os
from pathlib import Path

import seqgen
from seqgen.cli import run_command
from seqgen.data.store import Store
from seqgen.data.text_stream import COLUMN, read_text
from seqgen.files import write_text
from seqgen.scoring.running import Measure, stream_nats
from seqgen.search.ngram import NGram
from seqgen.search.sample import Sample
from seqgen.text import EOS
from seqgen.training.run import resume_writer, train_writer
from seqgen.training.settings import WritingSettings, read_settings

SCENES = Path(__file__).parent.parent / "assets" / "scenes"
SETTINGS = {
    "lesson": {
        "model.decoder": {"embedding_dim": 64, "hidden_dim": 64, "layers": 1, "dropout": 0.0},
        "training.learning_rate": 0.01, "training.average": 0.0, "training.max_epochs": 10,
    },
    "large": {
        "model.decoder": {"hidden_dim": 512, "dropout": 0.3, "weight_dropout": 0.2},
        "data.vocab_size": 12000, "training.batch_tokens": 3200, "training.max_epochs": 15,
    },
}  # fmt: skip
FILES = {
    "scenes": ["train.en"],
    "alice": ["alice.txt.gz"],
    "tinyshakespeare": ["input.txt.gz"],
    "ptb": ["ptb.train.txt.gz", "ptb.valid.txt.gz"],
}
ORDERS = {"char": (1, 3, 5, 7), "subword": (1, 2, 3), "word": (1, 2, 3, 5)}


def main() -> None:
    """Train, compare with counting, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", choices=FILES, default="scenes")
    parser.add_argument("--unit", choices=ORDERS, default="char", help="what a token is")
    parser.add_argument("--size", choices=SETTINGS, default="lesson")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder of the training")
    options = parser.parse_args()
    kind = (options.corpus, options.unit, options.size, str(options.seed))
    out = options.out or Path("runs", "-".join(("write", *kind)))

    if (out / "settings.json").exists():
        model = resume_writer(out)
    else:
        changes = {**SETTINGS[options.size], "data.unit": options.unit}
        files = zip(("data.train", "data.valid"), find(options.corpus, out), strict=False)
        changes |= {"training.seed": options.seed, **dict(files)}
        model = train_writer(read_settings(None, changes, WritingSettings), out)

    parts = [Store.open(out / "data" / part) for part in ("train", "valid")]
    seen, tokens = (part.columns[COLUMN].tokens for part in parts)
    found = {"recurrent": stream_nats(model.decoders, tokens, model.feed)}
    for order in ORDERS[options.unit]:
        counted = NGram(seen, order, model.target.size, model.feed, EOS)
        found[f"{order}-gram"] = -float(counted.score(tokens).sum())
    print(f"\n{len(tokens):,} tokens held out:")
    for name, nats in found.items():
        one = Measure(nats, len(tokens), parts[1].info.settings["characters"])
        print(f"  {name:10} {one.bits_per_character:.3f} bits, {one.nats_per_character:.4f} nats"
              f" a character, perplexity {one.perplexity:.2f} a token")  # fmt: skip
    print("\nThe", "".join(model.generate("The ", Sample(0.7, seed=1), length=300)))


def find(corpus: str, out: Path) -> list[str]:
    """Where the training text lies and, if there is one, the validation text."""
    if corpus != "scenes" and "SEQGEN_DATA" not in os.environ:
        raise seqgen.UserError("SEQGEN_DATA is not set", corpus, "set it to where data sets are")
    folder = Path(os.environ.get("SEQGEN_DATA", ""), corpus) if corpus != "scenes" else SCENES
    paths = [folder / name for name in FILES[corpus]]
    if corpus not in ("scenes", "ptb"):
        return list(map(str, paths))
    found = []
    for path in paths:  # lines of ptb begin and end with a space
        lines = [line.strip() + "\n" for line in read_text(path)]
        if corpus == "scenes":  # stories of five sentences
            lines = ["".join(lines[i : i + 5]) + "\n" for i in range(0, len(lines), 5)]
        found.append(str(out.with_name(f"{out.name}-{path.name.removesuffix('.gz')}")))
        write_text(Path(found[-1]), "".join(lines))
    return found


if __name__ == "__main__":
    run_command(main)
