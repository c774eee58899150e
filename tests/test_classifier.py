import numpy as np
import pytest
import torch

import seqgen
import seqgen.generate
from seqgen.bundle import write_bundle
from seqgen.errors import UserError
from seqgen.labelled import ClassifierBundle, ClassifierConfig
from seqgen.model.heads import ClassifierModelConfig, build_classifier
from seqgen.text import TextConfig, Tokenizer

TEXTS = ["a dog runs", "", "the cat sleeps and sleeps and sleeps", "dog", "zz ü", "a cat"] * 3
TEXT = TextConfig(vocab_size=30)


def write_random(out, text=TEXT, labels=("x", "y", "z"), seed=4):
    """Write a classifier of random weights."""
    tokenizer = Tokenizer.train(TEXTS, text)
    options = {"embedding_dim": 8, "hidden_dim": 6}
    config = ClassifierModelConfig(encoder_options=options)
    model = build_classifier(config, tokenizer.size, len(labels), seed)
    made = ClassifierConfig("classify", config, labels, text)
    write_bundle(out, ClassifierBundle(made, model, tokenizer), [], [], "# A card\n")
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_random(tmp_path_factory.mktemp("random"))


def test_saved_and_loaded_it_says_the_same(folder, tmp_path):
    model = seqgen.load(folder)
    write_bundle(tmp_path, model.bundles[0], [], [], "")
    again = seqgen.load(tmp_path)
    assert (model.log_probs(TEXTS) == again.log_probs(TEXTS)).all()
    assert model.classify(TEXTS) == again.classify(TEXTS)


def test_the_label_of_a_line_does_not_depend_on_its_batch(folder):
    model = seqgen.load(folder)
    for size in (1, 2, 7):
        assert model.classify(TEXTS, size) == model.classify(TEXTS)
        assert model.log_probs(TEXTS, size) == pytest.approx(model.log_probs(TEXTS), abs=1e-5)
    model.bundles[0].model.double()
    alone = model.log_probs(TEXTS, 1)
    assert model.log_probs(TEXTS, 64) == pytest.approx(alone, abs=1e-12)
    assert model.log_probs(TEXTS[::-1], 4)[::-1] == pytest.approx(alone, abs=1e-12)


def test_what_it_reports_is_what_scoring_gives(folder):
    model = seqgen.load(folder)
    found = list(model.predictions(TEXTS))
    scores = model.score(TEXTS, [one.label for one in found])
    assert scores == pytest.approx([one.log_prob for one in found])
    for one in found:
        values = list(one.log_probs.values())
        assert values == sorted(values, reverse=True) and one.log_probs[one.label] == one.log_prob
        assert torch.tensor(values).exp().sum() == pytest.approx(1.0)
        assert one.probability == pytest.approx(2.718281828**one.log_prob)


def test_a_long_stream_comes_back_in_order(folder, monkeypatch):
    monkeypatch.setattr("seqgen.search.batched.WINDOW", 4)
    model = seqgen.load(folder)
    stream = model.predictions(iter(TEXTS), 3)
    assert next(stream).label == model.classify(TEXTS[:1])[0]
    assert [one.label for one in stream] == model.classify(TEXTS)[1:]


def test_an_ensemble_is_the_mean_probability_however_each_cuts_the_text(folder, tmp_path):
    words = TextConfig(kind="word", vocab_size=20)
    other = write_random(tmp_path / "words", words, seed=5)
    one, two = seqgen.load(folder), seqgen.load(other)
    assert one.bundles[0].source != two.bundles[0].source
    mean = (np.exp(one.log_probs(TEXTS)) + np.exp(two.log_probs(TEXTS))) / 2
    both = seqgen.load(folder, other)
    assert np.exp(both.log_probs(TEXTS, 3)) == pytest.approx(mean, abs=1e-6)
    third = write_random(tmp_path / "labels", labels=("x", "y"))
    with pytest.raises(UserError, match="the same labels"):
        seqgen.load(folder, third)


def test_what_is_not_there_is_refused(folder, tiny_bundle):
    model = seqgen.load(folder)
    with pytest.raises(UserError, match="no value 'w'"):
        model.score(["a"], ["w"])
    with pytest.raises(UserError, match="1 inputs and 2 labels"):
        model.score(["a"], ["x", "y"])
    with pytest.raises(UserError, match="can classify, not translate"):
        seqgen.generate.load_translator(folder)
    with pytest.raises(UserError, match="can translate, not classify"):
        seqgen.generate.load_classifier(tiny_bundle)
    with pytest.raises(UserError, match="can translate, not classify"):
        seqgen.load(folder, tiny_bundle)
