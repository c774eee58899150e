"""One label for many words: many-to-one, a head on what an encoder has read.

    python recipes/classify.py                                  # who a scene is about
    python recipes/classify.py --corpus trec --vectors FILE     # of word_vectors.py, or others
    python recipes/classify.py --corpus sst2 --models 5         # SEQGEN_DATA names the data
    python recipes/classify.py --corpus ag_news

Who "behind the box, a dog chases the cat" is about, is a matter of order: a bag of words cannot
tell (bag_of_words.py tries). The others ask for the type of a question (TREC, six types), for the
sentiment of a sentence (SST-2, no phrases), for the topic of news (AG News, tested on those 1,600
of 7,600 rows where i mod 19 < 4); where there is no validation part, a tenth is held out. What
they score: README.md. Run it again after it was stopped, and it goes on where it was.
"""

import argparse
from pathlib import Path

import seqgen
from seqgen.chart import matrix_chart
from seqgen.cli import run_command
from seqgen.data.labels import read_labelled
from seqgen.files import checksum, write_bytes
from seqgen.label_corpora import LABELLED, labelled_text
from seqgen.lines import metric_line
from seqgen.scoring.labels import confusion, label_scores
from seqgen.training.run import resume_classifier, train_classifier
from seqgen.training.settings import ClassifierSettings, read_settings

WORDS = {"data.source.kind": "word", "data.source.vocab_size": 20000,
         "data.source.lowercase": True, "training.precision": "float32"}  # fmt: skip
SETTINGS = {
    "scenes": {
        **WORDS, "model.encoder_options": dict(embedding_dim=48, hidden_dim=48, dropout=0.2),
        "model.head": {"dropout": 0.2},
        "training.max_epochs": 6, "training.warmup": 30, "training.learning_rate": 4e-3,
    },
    "trec": {
        **WORDS, "data.source.vocab_size": 4000,  # rare words teach what <unk> is
        "model.encoder_options": dict(embedding_dim=200, hidden_dim=100, dropout=0.3, skip=True),
        "model.head": {"pooling": "attention"}, "training.weight_decay": 1.0,
        "training.max_epochs": 10, "training.warmup": 60, "training.learning_rate": 3e-3,
        "training.batch_tokens": 700, "training.consistency": 1.0,
    },
    "sst2": {
        **WORDS, "data.source.vocab_size": 8000, "training.consistency": 1.0, "training.warmup": 60,
        "model.encoder_options": dict(embedding_dim=128, hidden_dim=64, dropout=0.5, skip=True),
        "training.max_epochs": 6, "training.learning_rate": 4e-3, "training.weight_decay": 0.3,
    },
    "ag_news": {
        **WORDS, "data.source.kind": "unigram", "data.source.vocab_size": 16000,  # commas cut off
        "model.encoder": "seqgen.model.ngrams:NgramEncoder", "model.head": {"pooling": "mean"},
        "model.encoder_options": {"embedding_dim": 100, "filters": 100, "widths": [1, 2]},
        "training.max_epochs": 6, "training.warmup": 60, "training.weight_decay": 2.0,
        "training.learning_rate": 3e-3, "training.batch_tokens": 2000,
    },
}  # fmt: skip


def main() -> None:
    """Train, classify the test part, and score it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", choices=LABELLED, default="scenes")
    parser.add_argument("--pooling", choices=["summary", "last", "mean", "max", "attention"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--models", type=int, choices=range(1, 11), default=1, help="their mean")
    parser.add_argument("--encoder", default="", help="your own, as ./file.py:Class")
    parser.add_argument("--vectors", type=Path, help="of words, in GloVe's text format")
    parser.add_argument("--out", type=Path, help="folder of the trainings")
    given = parser.parse_args()
    vectors = given.vectors and f"{given.vectors.stem}-{checksum(given.vectors)[:8]}"
    kind = ("classify", given.corpus, given.pooling, given.encoder.rpartition(":")[2], vectors)
    out = given.out or Path("runs", "-".join(filter(None, kind)))
    text = labelled_text(given.corpus, out / "text")
    changes = SETTINGS[given.corpus] | {"data.vectors": str(given.vectors or "")}
    changes |= {"data.train": str(text.train), "data.valid": str(text.valid or "")}
    if given.encoder:
        changes |= {"model.encoder": given.encoder, "model.encoder_options": {}}
    if given.pooling:
        changes["model.head"] = {**changes.get("model.head", {}), "pooling": given.pooling}
    folders = {seed: out / str(seed) for seed in range(given.seed, given.seed + given.models)}
    for seed, folder in folders.items():
        if (folder / "settings.json").exists():
            resume_classifier(folder)
        else:
            settings = read_settings(None, changes | {"training.seed": seed}, ClassifierSettings)
            train_classifier(settings, folder)
    model = seqgen.load(*folders.values())
    test = read_labelled(text.test)
    right = [one.label for one in test]
    labels = model.classify([one.item for one in test])
    print("\ntest:", *map(metric_line, label_scores(labels, right, bootstrap=1000)), sep="\n")
    matrix, title = confusion(labels, right), f"{given.corpus}: right label down, given across"
    write_bytes(out / "test.png", matrix_chart(title, matrix.labels, matrix.counts.tolist()))
    print(f"\n{matrix.table()}\n\nthe table as a picture: {out / 'test.png'}")
    for i in [i for i, label in enumerate(labels) if label != right[i]][:3]:
        print(f"{labels[i]}, not {right[i]}: {test[i].item[:90]}")


if __name__ == "__main__":
    run_command(main)
