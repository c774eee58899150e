import itertools

import pytest
import torch
from models import loaded_double

import seqgen
from seqgen import Beam, Greedy, Sample, UserError
from seqgen.search import batched
from seqgen.search.processors import NoRepeat

LINES = ["a big dog", "", "cat", "red red cat sees", "dog sees a cat", " ", "big", "zzz unknown"]


@pytest.fixture(scope="module")
def model(tiny_bundle):
    return loaded_double(tiny_bundle)


def same(found, expected):
    """Equal text and tokens; scores but for the order in which a product adds up."""
    for mine, theirs in zip(found, expected, strict=True):
        assert [(t.text, t.hypothesis.tokens, t.hypothesis.finished) for t in mine] == [
            (t.text, t.hypothesis.tokens, t.hypothesis.finished) for t in theirs
        ]
        for one, other in zip(mine, theirs, strict=True):
            a, b = one.hypothesis, other.hypothesis
            assert a.score == pytest.approx(b.score, abs=1e-12)
            assert a.token_log_probs == pytest.approx(b.token_log_probs, abs=1e-12)


def test_lines_come_back_in_order_one_each_empty_ones_empty(model):
    outputs = model.translate(LINES, Greedy())
    assert len(outputs) == len(LINES)
    assert outputs[1] == outputs[5] == ""
    assert all(outputs[i] for i in (0, 2, 3, 4))


def test_windows_do_not_change_what_comes_out(model, monkeypatch):
    strategy = Sample(1.0, seed=4)
    whole = list(model.hypotheses(LINES * 2, strategy))
    monkeypatch.setattr(batched, "WINDOW", 3)
    same(list(model.hypotheses(LINES * 2, strategy)), whole)


def test_a_stream_is_read_no_further_than_a_window(model, monkeypatch):
    monkeypatch.setattr(batched, "WINDOW", 4)
    taken = []

    def endless():
        for i in itertools.count():
            taken.append(i)
            yield LINES[i % len(LINES)]

    stream = model.hypotheses(endless(), Greedy())
    assert len(list(itertools.islice(stream, 6))) == 6
    assert len(taken) == 8


def test_attention_is_over_the_lines_own_positions(model):
    for best in model.hypotheses(LINES[2:5], Beam(3)):
        found = best[0]
        weights = torch.from_numpy(found.hypothesis.attention.copy())
        assert weights.shape[1] == len(found.source_pieces)
        torch.testing.assert_close(weights.sum(1), torch.ones_like(weights[:, 0]))


def test_an_ensemble_of_one_model_twice_is_that_model(model, tiny_bundle):
    twice = loaded_double(tiny_bundle, tiny_bundle)
    assert twice.translate(LINES, Beam(3)) == model.translate(LINES, Beam(3))
    for one, other in zip(twice.score(LINES, LINES), model.score(LINES, LINES), strict=True):
        assert one == pytest.approx(other, abs=1e-12)


def test_processors_are_obeyed(model):
    for best in model.hypotheses(["a a a a a a a"], Sample(3.0, samples=8), [NoRepeat(1)]):
        for found in best:
            assert len(set(found.hypothesis.tokens)) == len(found.hypothesis.tokens)


def test_scoring_needs_as_many_targets(model):
    with pytest.raises(UserError, match="2 sources and 1 targets"):
        model.score(["a", "b"], ["c"])
    with pytest.raises(UserError, match="no model"):
        seqgen.load()
