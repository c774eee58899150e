"""Translation: many-to-many in two parts, an encoder RNN in front of the decoder.

    python recipes/translate.py                                  # scenes, English to German
    python recipes/translate.py --corpus multi30k                # SEQGEN_DATA names the data
    python recipes/translate.py --corpus multi30k --source de --target en

Run it again after it was stopped, and it goes on where it was.
"""

import argparse
from pathlib import Path

import seqgen
from seqgen.cli import run_command
from seqgen.data.fetch import data_folder
from seqgen.files import read_lines, write_text
from seqgen.lines import metric_line
from seqgen.training.run import resume_translator, train_translator
from seqgen.training.settings import read_settings

SCENES = Path(__file__).parent.parent / "assets" / "scenes"
SMALL = {"embedding_dim": 128, "hidden_dim": 128, "dropout": 0.1}
LARGE = {"embedding_dim": 256, "hidden_dim": 256, "dropout": 0.3}
SETTINGS = {
    "scenes": {
        "data.source.vocab_size": 500, "model.encoder_options": SMALL, "model.decoder": SMALL,
        "training.max_epochs": 14, "training.learning_rate": 4e-3, "training.warmup": 100,
        "training.average": 0.99,
    },
    "multi30k": {
        "data.source.vocab_size": 8000,
        "data.source.lowercase": True,  # the published figures are of lowercased text
        "model.encoder_options": {**LARGE, "skip": True},
        "model.decoder": LARGE,
        "training.max_epochs": 26,
        "training.subword_sampling": 0.5,
        "search.length_penalty": 1.4,  # the best of 0.6, 1.0 and 1.4 on the validation part
    },
}  # fmt: skip
# Afterwards, one pass over the data on translations of its own, by their BLEU
REWARD = {
    "training.reward": "bleu", "training.max_epochs": 1, "training.max_minutes": 10,
    "training.learning_rate": 1e-4, "training.warmup": 20, "training.batch_tokens": 4000,
    "training.average": 0.99,
}  # fmt: skip
VALID = {"scenes": "valid", "multi30k": "val"}
TESTS = {"scenes": ["test"], "multi30k": ["test_2016_flickr", "test_2017_flickr"]}


def main() -> None:
    """Train, then translate and score the test parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", choices=SETTINGS, default="scenes")
    parser.add_argument("--source", default="en", help="language to translate from")
    parser.add_argument("--target", default="de", help="language to translate to")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, help="of likelihood, else as set above")
    parser.add_argument("--encoder", default="", help="your own, as ./file.py:Class")
    parser.add_argument("--out", type=Path, help="folder of the training")
    options = parser.parse_args()
    corpus, languages, own = options.corpus, (options.source, options.target), options.encoder
    name = [corpus, *languages, str(options.seed), own.rpartition(":")[2]]
    out = options.out or Path("runs", "-".join(filter(None, name)))
    changes = {**SETTINGS[corpus], "training.seed": options.seed, "model.tied_embeddings": not own}
    if own:
        changes |= {"model.encoder": own, "model.encoder_options": {}}
    changes["training.max_epochs"] = options.epochs or changes["training.max_epochs"]
    for side, language in zip(("source", "target"), languages, strict=True):
        changes[f"data.train_{side}"] = str(find(corpus, "train", language))
        changes[f"data.valid_{side}"] = str(find(corpus, VALID[corpus], language))
    model = train(changes, out)
    if corpus == "multi30k":
        model = train({**changes, **REWARD, "training.initial": str(out)}, out / "reward")

    for name in TESTS[corpus]:
        sources, references = (list(read_lines(find(corpus, name, one))) for one in languages)
        outputs = model.translate(sources)
        write_text(out / f"{name}.{options.target}", "".join(f"{line}\n" for line in outputs))
        score = seqgen.bleu(outputs, [references], model.target.lowercase, bootstrap=1000)
        print(f"\n{name}: {metric_line(score)}")
        for i in range(0, len(sources), len(sources) // 3 + 1):
            print(f"  {sources[i]}\n  > {outputs[i]}\n  = {references[i]}")


def train(changes: dict[str, object], out: Path) -> seqgen.Translator:
    """A training from its beginning, or from where it was stopped."""
    if (out / "settings.json").exists():
        return resume_translator(out)
    return train_translator(read_settings(None, changes), out)


def find(corpus: str, part: str, language: str) -> Path:
    """The file of one part in one language."""
    if corpus == "scenes":
        return SCENES / f"{part}.{language}"
    return data_folder(corpus) / f"{part}.{language}.gz"


if __name__ == "__main__":
    run_command(main)
