"""Language models: nothing-to-many, the decoder alone, trained on running text.

    python recipes/language_model.py                             # the scenes, told as stories
    python recipes/language_model.py --preset lesson             # as the classic lesson has it
    python recipes/language_model.py --corpus tinyshakespeare    # SEQGEN_DATA names the data
    python recipes/language_model.py --corpus tinyshakespeare --preset quick
    python recipes/language_model.py --corpus ptb --unit word
    python recipes/language_model.py --corpus my.txt --unit subword --cell gru --layers 1

The lesson: windows of 100 characters, shuffled, one-hot, one LSTM of 64 units, Adam at 0.01.
Else the text is read in streams, the state carried on (truncated back-propagation), with locked
dropout, dropped weights and averaged ones; the time that a setting may take is its max_minutes.
Run it again after it was stopped, and it goes on where it was.
"""

import argparse
from pathlib import Path

from seqgen.cli import run_command
from seqgen.corpora import CORPORA, running_text
from seqgen.data.store import Store
from seqgen.data.text_stream import read_text
from seqgen.search.sample import Sample
from seqgen.training.run import resume_writer, train_writer
from seqgen.training.settings import WritingSettings, read_settings

PRESETS = {
    "lesson": {
        "data.window": 100, "data.carry": False,
        "model.decoder": {"one_hot": True, "tied_output": False, "embedding_dim": 64,
                          "hidden_dim": 64, "layers": 1, "dropout": 0.0},
        "training.batch_tokens": 6400, "training.learning_rate": 0.01, "training.warmup": 0,
        "training.schedule": "constant", "training.weight_decay": 0.0, "training.average": 0.0,
        "training.max_epochs": 20,
    },
    "small": {  # for texts of some 100,000 characters
        "model.decoder": {"embedding_dim": 64, "hidden_dim": 256, "layers": 1, "dropout": 0.2},
        "training.learning_rate": 4e-3, "training.warmup": 50, "training.average": 0.99,
        "training.max_epochs": 15, "data.window": 64, "training.batch_tokens": 2048,
    },
    "quick": {  # for a million characters in ten minutes
        "model.decoder": {"embedding_dim": 64, "hidden_dim": 512, "layers": 1, "dropout": 0.2},
        "training.learning_rate": 4e-3, "training.warmup": 100, "training.average": 0.995,
        "training.max_epochs": 30, "training.max_minutes": 9.5, "training.schedule": "clock",
        "data.window": 64, "training.batch_tokens": 3200,
    },
    "long": {  # for a million characters in an hour
        "model.decoder": {"embedding_dim": 128, "hidden_dim": 512, "dropout": 0.35,
                          "weight_dropout": 0.2},
        "training.learning_rate": 3e-3, "training.warmup": 200, "training.weight_decay": 0.05,
        "training.max_epochs": 40, "training.max_minutes": 57, "training.schedule": "clock",
        "data.window": 80, "training.batch_tokens": 4000,
    },
    "words": {  # for a million words in an hour and a half
        "model.decoder": {"embedding_dim": 400, "hidden_dim": 600, "dropout": 0.4,
                          "weight_dropout": 0.3},
        "data.vocab_size": 12000, "data.window": 40, "training.batch_tokens": 2400,
        "training.learning_rate": 4e-3, "training.weight_decay": 0.05,
        "training.max_epochs": 60, "training.max_minutes": 86, "training.schedule": "clock",
    },
}  # fmt: skip
DEFAULT = {"tinyshakespeare": "long", "ptb": "words"}


def main() -> None:
    """Train, measure, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="scenes", help=f"{', '.join(CORPORA)}, or a file")
    parser.add_argument("--unit", choices=["char", "word", "subword"], default="char")
    parser.add_argument("--preset", choices=PRESETS, help="all that is not said otherwise")
    parser.add_argument("--cell", choices=["lstm", "gru", "rnn"])
    parser.add_argument("--layers", type=int)
    parser.add_argument("--hidden", dest="hidden_dim", type=int, help="units of a layer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder of the training")
    given = parser.parse_args()
    preset = given.preset or DEFAULT.get(given.corpus, "small")
    cell = {name: getattr(given, name) for name in ("cell", "layers", "hidden_dim")}
    cell = {name: value for name, value in cell.items() if value is not None}
    kind = (Path(given.corpus).stem, given.unit, preset, *map(str, cell.values()), str(given.seed))
    out = given.out or Path("runs", "-".join(("write", *kind)))
    text = running_text(given.corpus, out.with_name(f"{out.name}-text"))

    if (out / "settings.json").exists():
        model = resume_writer(out)
    else:
        changes = {**PRESETS[preset], "data.train": str(text.train), "data.unit": given.unit}
        changes["model.decoder"] = {**PRESETS[preset]["model.decoder"], **cell}
        changes |= {"data.valid": str(text.valid)} if text.valid else {}
        changes["training.seed"] = given.seed
        model = train_writer(read_settings(None, changes, WritingSettings), out)

    print("\nheld out:", model.measure_store(Store.open(out / "data/valid")))
    if text.test:
        print("test:", model.measure(read_text(text.test)))
    print("\nThe", "".join(model.generate("The ", Sample(0.7, seed=1), length=300)))


if __name__ == "__main__":
    run_command(main)
