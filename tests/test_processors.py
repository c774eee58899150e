"""Processors against what they are meant to do, said in loops; and their common promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import allowed, some_processors

from seqgen.errors import UserError
from seqgen.search import processors as pr

V, EOS = 5, 4


def draw_case(data):
    rows, time = data.draw(st.integers(1, 4)), data.draw(st.integers(0, 8))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    prefix = rng.integers(0, V, (rows, time))
    log_probs = np.log(rng.dirichlet(np.ones(V), rows))
    log_probs[rng.random(log_probs.shape) < 0.2] = -np.inf
    return prefix, log_probs.astype(data.draw(st.sampled_from([np.float32, np.float64])))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_what_is_forbidden_and_what_is_left(data):
    prefix, log_probs = draw_case(data)
    for processor in data.draw(some_processors(V, EOS)):
        result = processor(prefix, log_probs)
        for row, begun in enumerate(prefix.tolist()):
            for token in range(V):
                value = log_probs[row, token]
                if isinstance(processor, pr.RepetitionPenalty) and token in begun:
                    value = value * processor.penalty
                if not allowed(processor, begun, token):
                    value = -np.inf
                assert result[row, token] == pytest.approx(value, rel=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_pure_row_by_row_and_never_raising(data):
    prefix, log_probs = draw_case(data)
    processors = data.draw(some_processors(V, EOS))
    before = prefix.copy(), log_probs.copy()
    result = pr.process(log_probs, prefix, processors)
    np.testing.assert_array_equal(prefix, before[0])
    np.testing.assert_array_equal(log_probs, before[1])
    assert result.dtype == log_probs.dtype and result.shape == log_probs.shape
    assert (result <= log_probs).all()
    for row in range(len(prefix)):
        one = slice(row, row + 1)
        np.testing.assert_array_equal(
            pr.process(log_probs[one], prefix[one], processors), result[one]
        )


def test_without_processors_the_backend_keeps_its_array():
    anything = object()
    assert pr.process(anything, np.empty((1, 0), np.int64), ()) is anything


@pytest.mark.parametrize(
    "make",
    [
        lambda: pr.MinimumLength(-1, EOS),
        lambda: pr.MinimumLength(1, -1),
        lambda: pr.NoRepeat(0),
        lambda: pr.RepetitionPenalty(0.9),
        lambda: pr.RepetitionPenalty(float("inf")),
        lambda: pr.Ban(((),)),
        lambda: pr.Ban(((1, -2),)),
        lambda: pr.ForcedPrefix((-1,)),
    ],
)
def test_settings_that_mean_nothing_are_refused(make):
    with pytest.raises(UserError):
        make()
