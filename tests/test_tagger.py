import json
import shutil

import numpy as np
import pytest
import torch
from models import loaded_double
from tagged import sentences

import seqgen
from seqgen import UserError
from seqgen.generate import load_tagger, load_translator
from seqgen.inspection import describe, replay

TEXTS = [
    ["the", "nobista", "may", "run", "."],
    [],
    ["run"],
    ["the", "run", "may", "run", "here", "here", "here", "here", "."],
    ["\u3042", "", "a b"],
    ["the", "run", "may", "lodist"],
]


@pytest.fixture(scope="module")
def model(tiny_tagger):
    return loaded_double(tiny_tagger)


def test_it_tags_words_it_never_saw_by_spelling_and_by_place(model):
    new = sentences(60, seed=9)
    found = model.tag([[word for word, _ in pairs] for pairs in new])
    right = [tag == f for pairs, row in zip(new, found, strict=True)
             for (_, tag), f in zip(pairs, row, strict=True)]  # fmt: skip
    assert np.mean(right) > 0.97
    assert model.tag(["the run may run ."]) == [["DET", "NOUN", "AUX", "VERB", "PUNCT"]]


@pytest.mark.parametrize("size", [1, 2, 64])
def test_output_does_not_depend_on_the_batch(model, size):
    alone = [next(model.predictions([text])) for text in TEXTS]
    together = list(model.predictions(TEXTS, batch_size=size))
    assert [one.tags for one in together] == [one.tags for one in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.log_probs == pytest.approx(other.log_probs, abs=1e-10)
        assert len(one.tags) == len(one.words) == len(one.log_probs)


def test_the_log_prob_reported_is_what_scoring_gives_and_is_the_highest(model):
    found = list(model.predictions(TEXTS))
    scored = model.score(TEXTS, [one.tags for one in found])
    assert scored == [pytest.approx(one.log_probs, abs=1e-12) for one in found]
    assert found[0].log_prob == pytest.approx(sum(scored[0]))
    for row, one in zip(model.log_probs(TEXTS), found, strict=True):
        assert np.exp(row).sum(-1) == pytest.approx(np.ones(len(one.words)))
        assert (row.max(-1) if len(row) else []) == pytest.approx(one.log_probs)


def test_an_ensemble_is_the_mean_probability(model, tiny_tagger):
    twice = seqgen.load(tiny_tagger, tiny_tagger)
    twice.bundles[1].model.head.output.bias.data += torch.arange(6.0)
    one, other = (np.exp(load.log_probs(TEXTS[:1])[0]) for load in (model, twice))
    alone = seqgen.load(tiny_tagger)
    alone.bundles[0].model.head.output.bias.data += torch.arange(6.0)
    assert other == pytest.approx((one + np.exp(alone.log_probs(TEXTS[:1])[0])) / 2, abs=1e-5)


def test_the_bundle_tells_and_replays_itself(tiny_tagger, tmp_path):
    text = describe(tiny_tagger)
    assert "tag, " in text and "6 tags: ADV, AUX" in text
    assert "accuracy" in text and "5 of 5" in replay(tiny_tagger)
    folder = shutil.copytree(tiny_tagger / "best", tmp_path / "model")
    names = ["README.md", "characters.spm", "config.json", "scores.json", "selftest.json",
             "weights.safetensors", "words.spm"]  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == names
    config = json.loads((folder / "config.json").read_text())
    config["labels"] = config["labels"][::-1]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="entry 1"):
        replay(folder)
    data = (folder / "words.spm").read_bytes()
    (folder / "words.spm").write_bytes(data[:-10])
    with pytest.raises(UserError, match=r"words.spm: does not match its checksum"):
        seqgen.load(folder)


def test_what_is_not_there_is_refused(model, tiny_tagger, tiny_teller):
    with pytest.raises(UserError, match="no value 'PRON'"):
        model.score([["he"]], [["PRON"]])
    with pytest.raises(UserError, match="as many tags"):
        model.score([["he", "may"]], [["AUX"]])
    with pytest.raises(UserError, match="can tag, not translate"):
        load_translator(tiny_tagger)
    with pytest.raises(UserError, match="can tell, not tag"):
        load_tagger(tiny_teller)
