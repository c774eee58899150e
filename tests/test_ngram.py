import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.errors import UserError
from seqgen.search.beam import Beam
from seqgen.search.ngram import NGram
from seqgen.search.sample import Greedy
from seqgen.search.step import run

VOCAB, BOS, EOS = 6, 0, 5
texts = st.lists(st.integers(0, 4), min_size=1, max_size=30)


def by_the_book(text: list[int], order: int, context: list[int], token: int) -> float:
    """Interpolated Kneser-Ney, every count made anew by looking through the whole text."""
    whole = [BOS, *text]
    prob = 1 / VOCAB
    for n in range(1, order + 1):
        grams = [tuple(whole[i : i + order]) for i in range(len(whole) - order + 1)]
        if order == 1:
            grams = grams[1:]
        if n < order:
            for _ in range(order - n):
                grams = [gram[1:] for gram in sorted(set(grams))]
        counts = {gram: grams.count(gram) for gram in grams}
        once, twice = (sum(c == k for c in counts.values()) for k in (1, 2))
        discount = (once + 0.5) / (once + 2 * twice + 1)
        if n - 1 > len(context):
            break
        history = tuple(context[len(context) - n + 1 :]) if n > 1 else ()
        seen = {gram[-1]: c for gram, c in counts.items() if gram[:-1] == history}
        if not seen:
            break
        total = sum(seen.values())
        prob = max(seen.get(token, 0) - discount, 0) / total + (discount * len(seen) / total * prob)
    return prob


@given(texts, st.integers(1, 4), st.lists(st.integers(0, 4), max_size=3))
@settings(max_examples=60, deadline=None)
def test_probabilities_are_those_of_the_formula_and_sum_to_one(text, order, context):
    if len(text) + 1 < order:
        return
    model = NGram(text, order, VOCAB, BOS, EOS)
    context = context[max(0, len(context) - order + 1) :]
    probs = model.distribution(tuple(context))
    assert probs.sum() == pytest.approx(1.0)
    expected = [by_the_book(text, order, context, token) for token in range(VOCAB)]
    assert probs.tolist() == pytest.approx(expected)


@given(texts, st.integers(1, 3), texts)
@settings(max_examples=30, deadline=None)
def test_scoring_a_text_is_stepping_through_it(text, order, other):
    model = NGram(text, order, VOCAB, BOS, EOS)
    state, token, found = model.start([[]]), BOS, []
    for following in other:
        log_probs, state, _ = model.step(np.array([token]), state)
        found.append(log_probs[0, following])
        token = following
    np.testing.assert_allclose(model.score(other), found)


def test_it_learns_what_context_tells():
    chance = random.Random(3)
    text = []
    for _ in range(300):
        text += chance.choice([[1, 2, 3], [1, 4, 2]])
    bits = [
        -model.score(text).mean() / math.log(2)
        for model in (NGram(text, order, VOCAB, BOS, EOS) for order in (1, 2, 3))
    ]
    assert bits[0] > bits[1] > bits[2]
    assert bits[2] == pytest.approx(1 / 3, abs=0.05)  # one fair choice in three tokens


def test_every_search_takes_it():
    model = NGram([1, 2, 3] * 20, 3, VOCAB, BOS, EOS)
    for strategy in (Greedy(), Beam(3, length_penalty=0.0)):
        (best,) = run(strategy.run(model, [[1, 2]], np.array([5])))[0]
        assert best.tokens == (3, 1, 2, 3, 1)
        assert best.log_prob == pytest.approx(model.score([1, 2, *best.tokens])[2:].sum())


@pytest.mark.parametrize(
    ("tokens", "order", "message"),
    [([], 2, "no text"), ([9], 2, "not in 0 to 5"), ([1], 0, "at least 1")],
)
def test_what_cannot_be_counted_is_refused(tokens, order, message):
    with pytest.raises(UserError, match=message):
        NGram(tokens, order, VOCAB, BOS, EOS)
