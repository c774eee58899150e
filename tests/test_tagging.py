import json

import pytest
from tagged import tag_settings, write_conllu, write_tsv
from test_trainer import StopAt, state

from seqgen.data.conllu import read_sentences
from seqgen.data.store import Store
from seqgen.data.tag_store import word_row
from seqgen.data.words import Lexicon
from seqgen.errors import UserError
from seqgen.generate import load_tagger
from seqgen.loaded import read_lexicon
from seqgen.scoring.tags import accuracy
from seqgen.text import TextConfig
from seqgen.training.report import Report
from seqgen.training.run import resume_tagger, train_tagger
from seqgen.training.settings import TaggingSettings, read_settings

WILD = {"consistency": 1.0, "accumulate": 2, "save_every": 4, "average": 0.9}


def train(folder, out, extra=(), write=write_tsv, **training):
    changes = tag_settings(folder, write, **training) | dict(extra)
    return train_tagger(read_settings(None, changes, TaggingSettings), out, Report(quiet=True))


def test_interrupted_and_resumed_equals_unbroken_bit_for_bit(tmp_path, monkeypatch):
    train(tmp_path / "data", tmp_path / "whole", **WILD)
    StopAt(monkeypatch, 1, 6)
    with pytest.raises(UserError, match="train tag --out"):
        train(tmp_path / "data", tmp_path / "broken", **WILD)
    with pytest.raises(UserError, match="--resume"):
        resume_tagger(tmp_path / "broken", Report(quiet=True))
    resume_tagger(tmp_path / "broken", Report(quiet=True))
    assert state(tmp_path / "whole") == state(tmp_path / "broken")


def test_its_score_is_the_accuracy_on_the_validation_words(tiny_tagger):
    (score,) = json.loads((tiny_tagger / "best/scores.json").read_text())
    valid = list(read_sentences(tiny_tagger.parent / "valid.tsv", "tsv"))
    found = load_tagger(tiny_tagger).tag([one.words for one in valid])
    assert score["value"] == pytest.approx(accuracy(found, [one.tags for one in valid]).value)
    assert (score["name"], score["count"]) == ("accuracy", len(valid)) and score["value"] > 95


def test_it_stops_when_validation_gets_no_better(tmp_path):
    train(tmp_path / "data", tmp_path / "out", learning_rate=1e-9, max_epochs=9, patience=2)
    log = [json.loads(line) for line in (tmp_path / "out/log.jsonl").read_text().splitlines()]
    assert len([line for line in log if "accuracy" in line]) == 3


def test_the_store_holds_what_the_lexicon_makes(tiny_tagger):
    store = Store.open(tiny_tagger / "data/valid")
    config = load_tagger(tiny_tagger).bundles[0].config
    lexicon = read_lexicon(tiny_tagger / "best", config.words, config.characters)
    texts = [text.split("\t") for text in store.texts("words", range(len(store)))]
    assert [word_row(store, row) for row in range(len(store))] == lexicon.encode(texts)
    assert isinstance(lexicon, Lexicon) and len(store) == 40


def test_other_columns_and_spans_are_learned_too(tmp_path):
    model = train(tmp_path / "data", tmp_path / "xpos", {"data.column": "xpos"}, write_conllu)
    assert model.tags.names == ("A", "D", "N", "P", "V") and model.column == "xpos"
    for part in ("train", "valid"):
        path = tmp_path / f"{part}.tsv"
        text = (tmp_path / f"data/{part}.conllu").read_text("utf-8")
        rows = [line.split("\t") for line in text.splitlines() if line[:1] != "#"]
        marks = {"DET": "B-np", "NOUN": "I-np"}
        path.write_text("".join(
            f"{row[1]}\t{marks.get(row[3], 'O')}\n" if row[0].isdigit() else "\n" * (row == [""])
            for row in rows
        ))  # fmt: skip
    files = {f"data.{part}": str(tmp_path / f"{part}.tsv") for part in ("train", "valid")}
    train(tmp_path / "data", tmp_path / "spans", files, max_epochs=4)
    scores = json.loads((tmp_path / "spans/best/scores.json").read_text())
    names = ["accuracy", "span precision", "span recall", "span F1"]
    assert [score["name"] for score in scores] == names
    assert all(score["value"] > 90 for score in scores)


def test_an_encoder_of_ones_own_reads_words_alone(tmp_path):
    """The encoder of text sees words where it saw subwords."""
    extra = {
        "model.encoder": "seqgen.model.rnn:RNNEncoder",
        "model.encoder_options": {"embedding_dim": 8, "hidden_dim": 8},
    }
    model = train(tmp_path / "data", tmp_path / "out", extra)
    assert model.tag(["the run may run"])[0][0] == "DET"


def test_training_begins_from_another_model(tmp_path, tiny_tagger):
    extra = {"training.initial": str(tiny_tagger)}
    folder = tiny_tagger.parent
    model = train(folder, tmp_path / "out", extra, learning_rate=1e-12, max_epochs=1)
    texts = [["the", "run", "may", "bodist"]]
    assert model.tag(texts) == load_tagger(tiny_tagger).tag(texts)
    with pytest.raises(UserError, match="other words or other tags"):
        train(tmp_path / "data", tmp_path / "no", extra | {"data.words.vocab_size": 20})


@pytest.mark.parametrize(
    ("valid", "message"),
    [
        ("the\tDET\nrun\n", r"valid.tsv, line 2: has 1 columns where 2"),
        ("\n\n", "holds no sentence"),
        ("the\tDET\n" * 4, r"valid.tsv, line 1: begins a sentence of 4 words where 3"),
    ],
)
def test_bad_lines_are_named(tmp_path, valid, message):
    (tmp_path / "valid.tsv").write_text(valid)
    extra = {"data.valid": str(tmp_path / "valid.tsv")}
    if "4 words" in message:
        extra |= {"data.max_length": 3, "data.train": str(tmp_path / "short.tsv")}
        (tmp_path / "short.tsv").write_text("the\tDET\n\nrun\tNOUN\n")
    with pytest.raises(UserError, match=message):
        train(tmp_path / "data", tmp_path / "out", extra)


def test_a_word_without_a_tag_is_named(tmp_path):
    path = write_conllu(tmp_path / "valid.conllu", 3, seed=2)
    path.write_text(path.read_text().replace("\tDET\t", "\t_\t"))
    with pytest.raises(UserError, match=r"valid.conllu, line 2: has no tag in column upos"):
        train(tmp_path / "data", tmp_path / "out", {"data.valid": str(path)}, write_conllu)


def test_tags_that_training_has_not_are_errors_of_the_model_not_of_the_user(tmp_path):
    (tmp_path / "valid.tsv").write_text("the\tDET\nrun\tODD\n")
    extra = {"data.valid": str(tmp_path / "valid.tsv")}
    train(tmp_path / "data", tmp_path / "out", extra, max_epochs=4)
    (score,) = json.loads((tmp_path / "out/best/scores.json").read_text())
    assert score["value"] == 50.0


def test_long_sentences_may_be_dropped(tmp_path):
    extra = {"data.max_length": 5, "data.drop_long": True}
    train(tmp_path / "data", tmp_path / "out", extra, max_epochs=1)
    assert 0 < len(Store.open(tmp_path / "out/data/train")) < 150


@pytest.mark.parametrize("option", [{"reward": "bleu"}, {"scheduled_sampling": 0.1}])
def test_settings_without_meaning_are_refused(tmp_path, option):
    with pytest.raises(UserError, match="is not for tags"):
        train(tmp_path / "data", tmp_path / "out", **option)


def test_settings_within_tables_keep_their_defaults(tmp_path):
    changes = {"data.words.vocab_size": 77, "data.characters.byte_fallback": True}
    data = read_settings(None, changes, TaggingSettings).data
    assert data.words == TextConfig("word", 77, lowercase=True)
    assert data.characters.kind == "char" and data.characters.character_coverage == 0.9998
    with pytest.raises(UserError, match=r"kind of data.words is 'word'"):
        read_settings(None, {"data.words.kind": "unigram"}, TaggingSettings)
    with pytest.raises(UserError, match="pass --valid"):
        train_tagger(read_settings(None, {"data.train": "x.tsv"}, TaggingSettings), tmp_path)
