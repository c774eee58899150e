"""Greedy search and sampling: what is drawn, and from which generator; exact/ says how often."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import (
    SAMPLINGS,
    Table,
    distribution,
    enumerate_all,
    processed,
    random_table,
    some_processors,
)

from seqgen.errors import UserError
from seqgen.search.sample import Greedy, Sample
from seqgen.search.step import run

SEEDS = st.integers(0, 2**32 - 1)
HOLES = st.sampled_from([0.0, 0.3, 0.6])


def plain_greedy(table, number, limit, processors):
    prefix, total, own = (), 0.0, ()
    for time in range(limit + 1):
        log_probs, values = processed(table, number, prefix, processors)
        token = int(np.argmax(values))
        if values[token] == -math.inf or (time == limit and token != table.eos):
            break
        total, own = total + values[token], (*own, log_probs[token])
        if token == table.eos:
            return prefix, total, own, True
        prefix = (*prefix, token)
    return prefix, total, own, False


@settings(deadline=None, max_examples=100)
@given(st.data(), SEEDS, st.integers(3, 6), st.integers(0, 4), HOLES)
def test_greedy_takes_the_most_probable_token(data, seed, vocab, limit, holes):
    table = random_table(seed, 2, vocab, 4, holes=holes)
    processors = data.draw(some_processors(vocab, table.eos))
    found = run(Greedy().run(table, [1, 0], np.array([limit, 4]), processors))
    for number, longest, (hypothesis,) in zip([1, 0], [limit, 4], found, strict=True):
        tokens, total, own, finished = plain_greedy(table, number, longest, processors)
        assert (hypothesis.tokens, hypothesis.finished) == (tokens, finished)
        assert hypothesis.token_log_probs == own
        assert hypothesis.score == pytest.approx(total, abs=1e-12)
        assert hypothesis.log_prob == pytest.approx(sum(own), abs=1e-12)
    assert run(Sample(temperature=0).run(table, [1, 0], np.array([limit, 4]), processors)) == found


@settings(deadline=None, max_examples=100)
@given(st.data(), SEEDS, st.sampled_from(SAMPLINGS), st.integers(1, 3), HOLES)
def test_a_row_never_depends_on_its_batch(data, seed, options, samples, holes):
    table = random_table(seed, 4, 6, 4, holes=holes)
    processors = data.draw(some_processors(6, table.eos))
    strategy = Sample(**options, samples=samples, seed=seed)
    inputs = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=6))
    rows = np.array([data.draw(st.integers(0, 10**6)) for _ in inputs])
    limits = np.array([data.draw(st.integers(0, 4)) for _ in inputs])
    together = run(strategy.run(table, inputs, limits, processors, rows))
    for i, found in enumerate(together):
        one = slice(i, i + 1)
        (alone,) = run(strategy.run(table, inputs[one], limits[one], processors, rows[one]))
        assert alone == found and len(found) == samples
        for a, b in zip(alone, found, strict=True):
            np.testing.assert_array_equal(a.attention, b.attention[:, : a.attention.shape[1]])


@settings(deadline=None, max_examples=60)
@given(st.data(), SEEDS, HOLES)
def test_samples_are_sequences_of_the_model(data, seed, holes):
    table = random_table(seed, 1, 4, 3, holes=holes)
    processors = data.draw(some_processors(4, table.eos))
    endings = {(e.prefix, e.finished): e for e in enumerate_all(table, 0, 3, processors)}
    (found,) = run(Sample(samples=8, seed=seed).run(table, [0], np.array([3]), processors))
    assert found == sorted(found, key=lambda h: (not h.finished, -h.score))
    for hypothesis in found:
        if hypothesis.finished or len(hypothesis.tokens) < 3:
            ending = endings[hypothesis.tokens, hypothesis.finished]
            assert hypothesis.token_log_probs == ending.own
            assert hypothesis.score == pytest.approx(ending.total, abs=1e-12)
            assert hypothesis.log_prob == pytest.approx(sum(ending.own), abs=1e-12)
        else:  # cut, although EOS was possible
            assert len(hypothesis.token_log_probs) == 3


def test_samples_are_their_own_seeds():
    table = random_table(2, 1, 6, 4)
    few, many = (run(Sample(samples=m, seed=3).run(table, [0], np.array([4])))[0] for m in (2, 9))
    assert not Counter(few) - Counter(many)
    other = run(Sample(samples=9, seed=4).run(table, [0], np.array([4])))[0]
    assert Counter(other) != Counter(many)


def test_the_nucleus_of_a_large_vocabulary():
    rng = np.random.default_rng(0)
    log_probs = np.log(rng.dirichlet(np.full(5000, 0.05), size=(1, 1)) + 1e-30)
    table = Table(log_probs.astype(np.float32), eos=0)
    expected = distribution(log_probs[0, 0].tolist(), top_p=0.9)
    found = run(Sample(top_p=0.9).run(Wrap(table), [0] * 3000, np.zeros(3000, np.int64) + 1))
    drawn = {h.tokens[0] for (h,) in found if h.tokens}
    assert drawn <= set(expected) and len(drawn) > 0.5 * len(expected)


class Wrap(Table):
    """A table of one node, where every prefix leads."""

    def __init__(self, table):
        super().__init__(table.log_probs, eos=table.eos)

    def step(self, tokens, state):
        places, inputs, nodes = state
        return self.log_probs[inputs, 0], (places, inputs, nodes), None


def test_a_large_minimum_temperature_and_long_sampling_hold():
    log_probs = np.log(np.full((1, 1, 4), 0.25, np.float32))
    log_probs[0, 0, 0] = -np.inf
    table = Wrap(Table(log_probs, eos=0))
    for temperature in (0.001, 1000.0):
        (one,) = run(Sample(temperature).run(table, [0], np.array([100])))
        assert not one[0].finished and len(one[0].tokens) == 100
        assert set(one[0].tokens) == {1, 2, 3}  # past the first block of random numbers


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1.0},
        {"temperature": 1e-9},
        {"temperature": float("nan")},
        {"top_k": -1},
        {"top_p": 0.0},
        {"min_p": 1.5},
        {"samples": 0},
        {"seed": -1},
        {"temperature": 0, "samples": 2},
    ],
)
def test_settings_that_mean_nothing_are_refused(options):
    with pytest.raises(UserError):
        Sample(**options)


def test_no_inputs_and_broken_models():
    table = random_table(0, 1, 4, 2)
    assert list(Sample().run(table, [], np.array([], np.int64))) == []
    for strategy in (Greedy(), Sample(), Sample(top_k=2), Sample(top_p=0.5)):
        with pytest.raises(UserError, match="NaN"):
            run(strategy.run(Table(table.log_probs * np.nan), [0], np.array([2])))
