"""Exported classifiers and taggers do what the trained ones do, without torch."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from squares import COLOURS, draw
from topics import colour_settings, vector_settings
from torchless import said
from typer.testing import CliRunner

import seqgen
from seqgen import UserError
from seqgen.cli import app
from seqgen.data.words import WordRow
from seqgen.export.folder import export
from seqgen.export.traced import TEXT, WORDS, trace_labels
from seqgen.label_runtime import ExportedClassifier, ExportedTagger
from seqgen.labelled import label_log_probs
from seqgen.model.heads import (
    ClassifierHeadConfig,
    ClassifierModelConfig,
    TaggerModelConfig,
    build_classifier,
    build_tagger,
)
from seqgen.model.inputs import text_batch, word_batch
from seqgen.runtime import Session

TEXTS = ["the cat eats bread", "", "dog", "a big red ball runs over the old goal", "zz ü"]
SENTENCES = ["the run may run .", "", "run", "the bodusta may lidist here .", "zz ü x"]
ROWS = st.lists(st.lists(st.integers(4, 19), max_size=8), min_size=1, max_size=5)
CELLS = st.sampled_from(["lstm", "gru", "rnn"])


def session(model, reading):
    for parameter in model.parameters():  # far from uniform, so that differences would show
        parameter.data.mul_(2.0)
    with tempfile.TemporaryDirectory() as folder:
        trace_labels(Path(folder, "label.onnx"), model.eval(), reading)
        return Session(Path(folder, "label.onnx"))


@settings(max_examples=8, deadline=None)
@given(
    CELLS,
    st.sampled_from(["summary", "last", "mean", "max", "attention"]),
    st.sampled_from([0, 5]),
    st.booleans(),
    ROWS,
)
def test_every_head_says_the_same_of_text(cell, pooling, hidden, ngrams, rows):
    options = {"embedding_dim": 6, "hidden_dim": 4, "layers": 2, "cell": cell}
    config = ClassifierModelConfig(encoder_options=options)
    if ngrams:
        options = {"embedding_dim": 6, "filters": 3}
        config = ClassifierModelConfig("seqgen.model.ngrams:NgramEncoder", options)
    head = ClassifierHeadConfig(pooling, hidden)
    model = build_classifier(ClassifierModelConfig(config.encoder, options, head), 20, 3, 1)
    if pooling == "attention":
        torch.nn.init.normal_(model.head.query)
    ours = ExportedClassifier(None, "text", session(model, TEXT)).log_probs(rows)
    assert ours == pytest.approx(label_log_probs(model, text_batch(rows)), abs=1e-4)


READ = st.sampled_from([{"spelling_dim": 0}, {"spelling_dim": 3}, {"reader": "cnn"}])


@settings(max_examples=10, deadline=None)
@given(CELLS, st.integers(1, 2), READ, ROWS.filter(all), st.data())
def test_every_tagger_says_the_same_of_words(cell, layers, spelling, sentences, data):
    spelled = st.lists(st.integers(4, 9), min_size=1, max_size=6)
    rows = [WordRow(one, [data.draw(spelled) for _ in one]) for one in sentences]
    options = {"embedding_dim": 6, "character_dim": 4, "hidden_dim": 5, **spelling}
    config = TaggerModelConfig(encoder_options={**options, "layers": layers, "cell": cell})
    model = build_tagger(config, 20, 10, 4, 1)
    ours = ExportedTagger(None, None, session(model, WORDS)).log_probs(rows)
    theirs = label_log_probs(model, word_batch(rows))
    assert ours.shape == theirs.shape
    for one, other, row in zip(ours, theirs, rows, strict=True):
        real = slice(len(row.tokens))
        assert one[real] == pytest.approx(other[real], abs=1e-4)


@pytest.fixture(scope="module")
def colours(tmp_path_factory):
    """The folder of a training: a small model that has seen the colours of squares."""
    from seqgen.training.report import Report
    from seqgen.training.run import train_classifier
    from seqgen.training.settings import ClassifierSettings, read_settings

    folder = tmp_path_factory.mktemp("colours")
    changes = read_settings(None, colour_settings(folder), ClassifierSettings)
    train_classifier(changes, folder / "model", Report(quiet=True))
    return folder / "model"


def test_a_classifier_of_text(tiny_classifier, tmp_path):
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["export", str(tiny_classifier), str(out)])
    assert done.exit_code == 0 and "classify, float32" in done.output
    ours, theirs = seqgen.load(out), seqgen.load(tiny_classifier)
    for size in (1, 2, 64):
        assert ours.classify(TEXTS, size) == theirs.classify(TEXTS)
        assert ours.log_probs(TEXTS, size) == pytest.approx(theirs.log_probs(TEXTS), abs=1e-4)
    assert ours.score(TEXTS[:1], ["sport"]) == pytest.approx(theirs.score(TEXTS[:1], ["sport"]))
    twice = seqgen.load(out, out)
    assert twice.log_probs(TEXTS) == pytest.approx(ours.log_probs(TEXTS))
    found = said(tmp_path, "classify", "--model", str(out), *TEXTS[2:])
    expected = list(theirs.predictions(TEXTS[2:]))
    assert [line.split("\t")[0] for line in found] == [one.label for one in expected]
    for line, one in zip(found, expected, strict=True):
        assert float(line.split("\t")[1]) == pytest.approx(one.probability, abs=2e-4)
    told = said(tmp_path, "info", str(out), "--verify")
    assert "classify, exported as float32" in told[0] and "2 labels: food, sport" in told
    assert "5 of 5 outputs as they were" in told[-1]


def test_a_classifier_that_is_given_word_vectors(tmp_path):
    from seqgen.training.report import Report
    from seqgen.training.run import train_classifier
    from seqgen.training.settings import ClassifierSettings, read_settings

    settings = read_settings(None, vector_settings(tmp_path, max_epochs=1), ClassifierSettings)
    theirs = train_classifier(settings, tmp_path / "model", Report(quiet=True))
    export(tmp_path / "model", tmp_path / "out")
    texts = ["a cake", "zebra of", "the cat kicks the ball"]
    ours = seqgen.load(tmp_path / "out").log_probs(texts)
    np.testing.assert_allclose(ours, theirs.log_probs(texts), atol=1e-5)


def test_a_classifier_of_pictures(colours, tmp_path):
    export(colours, tmp_path / "out")
    ours, theirs = seqgen.load(tmp_path / "out"), seqgen.load(colours)
    pictures = [draw(colour, place) for colour in COLOURS for place in ("left", "right")]
    for size in (1, 3, 64):
        found = ours.log_probs(pictures, size)
        assert found == pytest.approx(theirs.log_probs(pictures), abs=1e-4)
    files = []
    for number, picture in enumerate(pictures):
        files.append(tmp_path / f"{number}.png")
        picture.save(files[-1])
    lines = said(tmp_path, "classify", "--model", str(tmp_path / "out"), *map(str, files))
    assert [line.split("\t")[1] for line in lines] == theirs.classify(pictures)


def test_a_tagger(tiny_tagger, tmp_path):
    export(tiny_tagger, tmp_path / "out")
    ours, theirs = seqgen.load(tmp_path / "out"), seqgen.load(tiny_tagger)
    expected = list(theirs.predictions(SENTENCES))
    for size in (1, 2, 64):
        for one, other in zip(ours.predictions(SENTENCES, size), expected, strict=True):
            assert one.tags == other.tags
            assert one.log_probs == pytest.approx(other.log_probs, abs=1e-4)
    words = SENTENCES[3].split()
    (tmp_path / "in.tsv").write_text("".join(f"{word}\n" for word in words), "utf-8")
    command = ["tag", "--model", str(tmp_path / "out"), "--input", str(tmp_path / "in.tsv")]
    pairs = [f"{word}\t{tag}" for word, tag in zip(words, expected[3].tags, strict=True)]
    assert [line for line in said(tmp_path, *command) if line] == pairs
    told = said(tmp_path, "info", str(tmp_path / "out"), "--verify")
    assert "6 tags: ADV, AUX" in told[1] and "5 of 5 outputs as they were" in told[-1]


def test_misuse_and_damage_are_one_line(tiny_classifier, tiny_tagger, tmp_path):
    with pytest.raises(UserError, match="int8 is for models that write"):
        export(tiny_tagger, tmp_path / "out", "int8")
    assert not (tmp_path / "out").exists()
    export(tiny_classifier, tmp_path / "out")
    with pytest.raises(UserError, match="is an export"):
        export(tmp_path / "out", tmp_path / "again")
    with pytest.raises(UserError, match="not of both"):
        seqgen.load(tmp_path / "out", tiny_classifier)
    with pytest.raises(UserError, match="choose when exporting"):
        seqgen.load(tmp_path / "out", accept_source=True)
    for name in ("label.onnx", "source.spm", "selftest.json"):
        broken = shutil.copytree(tmp_path / "out", tmp_path / name)
        whole = (broken / name).read_bytes()
        (broken / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(UserError, match="does not match its checksum"):
            seqgen.load(broken)


def test_log_probs_are_those_of_numpy_in_float64():
    class Fixed:
        def __call__(self, _):
            return {"logits": np.array([[1e4, 0.0, -1e4]], np.float32)}

    found = ExportedClassifier(None, "text", Fixed()).log_probs([[4]])
    assert found.dtype == np.float64 and found.tolist() == [[0.0, -1e4, -2e4]]
