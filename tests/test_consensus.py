"""Consensus: of the outputs of a beam, the one most like all of them."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import random_table, some_processors

from seqgen.errors import UserError
from seqgen.search.beam import Beam
from seqgen.search.consensus import Consensus, likeness
from seqgen.search.step import run

SEEDS = st.integers(0, 2**32 - 1)
TEXTS = st.lists(st.lists(st.integers(0, 3), max_size=7).map(tuple), min_size=1, max_size=6)


def plain_likeness(one, other):
    if not one and not other:
        return 1.0
    total = 0.0
    for n in range(1, 5):
        grams = [
            Counter(text[i : i + n] for i in range(len(text) - n + 1)) for text in (one, other)
        ]
        dot = sum(count * grams[1][gram] for gram, count in grams[0].items())
        norms = math.prod(math.sqrt(sum(c * c for c in side.values())) for side in grams)
        total += dot / norms if norms else 0.0
    gap = len(one) - len(other)
    return total / min(4, max(len(one), len(other))) * math.exp(-gap * gap / 72)


@given(TEXTS)
def test_likeness_is_what_its_formula_says(texts):
    found = likeness(texts)
    for i, one in enumerate(texts):
        assert found[i, i] == pytest.approx(1.0)
        for j, other in enumerate(texts):
            assert found[i, j] == pytest.approx(plain_likeness(one, other))


@settings(deadline=None, max_examples=100)
@given(st.data(), SEEDS, st.integers(3, 6), st.integers(0, 4), st.integers(1, 5))
def test_it_chooses_what_is_most_like_all_the_beam_ends_with(data, seed, vocab, limit, size):
    table = random_table(seed, 2, vocab, 4, holes=0.3)
    processors = data.draw(some_processors(vocab, table.eos))
    inputs, limits = [1, 0], np.array([limit, 4])
    found = run(Consensus(size, 1.5, n_best=size).run(table, inputs, limits, processors))
    beam = Beam(size, length_penalty=0.0, n_best=size)
    for best, ended in zip(found, run(beam.run(table, inputs, limits, processors)), strict=True):
        assert Counter(h.tokens for h in best) == Counter(h.tokens for h in ended)
        keys = [(not h.finished, -h.score) for h in best]
        assert keys == sorted(keys)
        real = any(h.finished for h in ended)
        beliefs = [math.exp(h.score / 1.5) * (h.finished == real) for h in ended]
        for chosen in best:
            likes = [plain_likeness(chosen.tokens, other.tokens) for other in ended]
            mean = sum(map(math.prod, zip(beliefs, likes, strict=True))) / sum(beliefs)
            assert chosen.score == pytest.approx(mean, abs=1e-12)
            (own,) = (
                h for h in ended if (h.tokens, h.finished) == (chosen.tokens, chosen.finished)
            )
            assert chosen.token_log_probs == own.token_log_probs
            assert chosen.log_prob == own.log_prob
    first = run(Consensus(size, 1.5).run(table, inputs, limits, processors))
    assert first == [best[:1] for best in found]


@settings(deadline=None, max_examples=30)
@given(SEEDS)
def test_an_input_gets_the_same_whatever_stands_beside_it(seed):
    table = random_table(seed, 5, 5, 4)
    limits, consensus = np.full(5, 4), Consensus(6, n_best=3)
    together = run(consensus.run(table, list(range(5)), limits))
    for number in range(5):
        assert run(consensus.run(table, [number], limits[:1])) == [together[number]]


@settings(deadline=None, max_examples=30)
@given(SEEDS, st.sampled_from([{"size": 1}, {"temperature": 1e-6}]))
def test_of_one_output_or_of_one_that_is_believed_there_is_no_choice(seed, options):
    table = random_table(seed, 3, 5, 4)
    limits = np.full(3, 4)
    beam = run(Beam(options.get("size", 10), length_penalty=0.0).run(table, [0, 1, 2], limits))
    found = run(Consensus(**options).run(table, [0, 1, 2], limits))
    assert [best[0].tokens for best in found] == [best[0].tokens for best in beam]
    assert [best[0].score for best in found] == pytest.approx([1.0] * 3)


def test_nothing_gives_nothing():
    table = random_table(1, 2, 5, 4)
    assert run(Consensus().run(table, [], np.zeros(0, np.int64))) == []


@pytest.mark.parametrize("options", [{"size": 0}, {"temperature": 0.0}, {"n_best": 11}])
def test_values_out_of_range_are_refused(options):
    with pytest.raises(UserError, match="out of range"):
        Consensus(**options)
