"""A tag for every word: many-to-many in step, a tagger on a bidirectional encoder.

    python recipes/tag.py                                       # scenes: who does what where
    python recipes/tag.py --corpus ud_ewt                       # SEQGEN_DATA names the data
    python recipes/tag.py --corpus ud_ewt --characters cnn      # read by convolutions; none: not

The scenes' tags mark spans: the subject, the action, the object, the place. Which of them "a red
ball" is depends on words before and after it: 100 % of test words and spans. ud_ewt asks for parts
of speech in UD_English-EWT 2.16 (seqgen fetch): 95.11 % of test words, 79.3 % of new ones.
Run it again after it was stopped, and it goes on where it was.
"""

import argparse
from pathlib import Path

from seqgen.cli import run_command
from seqgen.data.conllu import form_of, read_sentences, sentence_lines
from seqgen.data.fetch import data_folder
from seqgen.files import write_text
from seqgen.lines import metric_line
from seqgen.scenes.corpus import generate
from seqgen.scenes.english import told_with_roles
from seqgen.scoring.tags import accuracy, mark_spans, span_scores
from seqgen.training.run import resume_tagger, train_tagger
from seqgen.training.settings import TaggingSettings, read_settings

SETTINGS = {
    "scenes": {
        "model.encoder_options": {"embedding_dim": 48, "spelling_dim": 24, "hidden_dim": 64},
        "training.max_epochs": 4, "training.warmup": 50, "training.average": 0.99,
    },
    "ud_ewt": {"training.max_epochs": 6, "model.encoder_options": {}},
}  # fmt: skip
READERS = {"rnn": {}, "cnn": {"reader": "cnn"}, "none": {"spelling_dim": 0}}  # of characters


def main() -> None:
    """Train, tag the test part and score it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", choices=SETTINGS, default="scenes")
    parser.add_argument("--column", default="upos", help="of ud_ewt: upos, xpos, feats, deprel")
    parser.add_argument("--characters", choices=READERS, default="rnn", help="how they are read")
    parser.add_argument("--encoder", default="", help="your own, as ./file.py:Class")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="folder of the training")
    given = parser.parse_args()
    own = given.encoder.rpartition(":")[2]
    kind = ("tag", given.corpus, given.column, given.characters, own, str(given.seed))
    out = given.out or Path("runs", "-".join(filter(None, kind)))
    if given.corpus == "scenes":
        files = write_scenes(out.with_name(f"{out.name}-text"))
    else:
        parts = {"train": "train", "valid": "dev", "test": "test"}
        folder = data_folder("ud_ewt")
        plain = {part: folder / f"en_ewt-ud-{ud}.conllu" for part, ud in parts.items()}
        files = {p: f if f.exists() else Path(f"{f}.gz") for p, f in plain.items()}

    if (out / "settings.json").exists():
        model = resume_tagger(out)
    else:
        options = SETTINGS[given.corpus]["model.encoder_options"] | READERS[given.characters]
        changes = {**SETTINGS[given.corpus], "training.seed": given.seed}
        changes |= {f"data.{part}": str(files[part]) for part in ("train", "valid")}
        changes |= {"data.column": given.column, "model.encoder_options": options}
        if given.encoder:
            changes |= {"model.encoder": given.encoder, "model.encoder_options": {}}
        model = train_tagger(read_settings(None, changes, TaggingSettings), out)
    known = {word for one in read(files["train"], given.column) for word in one.words}
    tests = [one for one in read(files["test"], given.column) if one.words]
    right = [one.tags for one in tests]
    found = model.tag(one.words for one in tests)
    print()
    spans = span_scores(found, right, bootstrap=1000) if mark_spans(right) else []
    for score in (accuracy(found, right, bootstrap=1000), *spans):
        print(f"test: {metric_line(score)}")
    pairs = [(tag == wanted, word in known) for one, tags in zip(tests, found, strict=True)
             for word, tag, wanted in zip(one.words, tags, one.tags, strict=True)]  # fmt: skip
    new = [same for same, seen in pairs if not seen]
    if new:
        print(f"of {len(new):,} words that training has not, {sum(new) / len(new):.1%} are right")
    for one, tags in list(zip(tests, found, strict=True))[:3]:
        print("  " + " ".join(f"{word}/{tag}" for word, tag in zip(one.words, tags, strict=True)))


def read(path, column):
    """The sentences of a file."""
    return read_sentences(path, form_of(path), column)


def write_scenes(folder: Path) -> dict[str, Path]:
    """Each word of each scene's sentence, and what part it has in the scene."""
    paths = {part: folder / f"{part}.tsv" for part in ("train", "valid", "test")}
    for part, scenes in generate().items():
        lines = (sentence_lines(*zip(*told_with_roles(s), strict=True)) for s in scenes)
        write_text(paths[part], "".join(lines))
    return paths


if __name__ == "__main__":
    run_command(main)
