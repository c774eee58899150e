"""The parts that every search shares: top, ensembles, history, draining."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import random_table

from seqgen.errors import UserError
from seqgen.search.beam import Beam
from seqgen.search.ensemble import Ensemble
from seqgen.search.history import History
from seqgen.search.sample import Greedy, Sample
from seqgen.search.step import run
from seqgen.search.top import top


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from([3, 40, 101, 1024, 1500, 5003]), st.sampled_from([1, 6, 40]))
def test_top_is_a_sort_with_the_lower_token_first(data, size, k):
    k, rows = min(k, size), 80 if size == 101 else 4
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    values = -rng.integers(0, data.draw(st.sampled_from([1, 5, 10**6])), (rows, size))
    values = values.astype(data.draw(st.sampled_from([np.float32, np.float64])))
    values[rng.random(values.shape) < data.draw(st.sampled_from([0, 0.5, 0.999]))] = -np.inf
    found, ids = top(values, k)
    assert found.shape == ids.shape == (rows, k) and found.dtype == values.dtype
    for row in range(rows):
        order = sorted(range(size), key=lambda v: (-values[row, v], v))[:k]
        possible = [v for v in order if values[row, v] > -np.inf]
        assert ids[row, : len(possible)].tolist() == possible
        assert found[row].tolist() == values[row, order].tolist()


@pytest.mark.parametrize("place", [0, 2999])
@pytest.mark.parametrize("size", [100, 3000])
def test_top_refuses_nan(place, size):
    values = np.zeros((2, size))
    values[1, min(place, size - 1)] = np.nan
    with pytest.raises(UserError, match="NaN"):
        top(values, 3)


def test_an_ensemble_of_unlike_models():
    full, none = random_table(1, 1, 4, 2), random_table(2, 1, 4, 2)
    full.eos = none.eos = 1
    none.attention = None
    (found,) = run(Greedy().run(Ensemble([full, none]), [0], np.array([2])))
    assert found[0].attention is None
    with pytest.raises(UserError, match=r"model 2 .* the first"):
        Ensemble([full, random_table(1, 1, 5, 2)])
    with pytest.raises(UserError, match="at least one"):
        Ensemble([])


def test_an_ensemble_of_one_changes_nothing():
    table = random_table(4, 2, 5, 4, holes=0.3)
    limits = np.array([4, 3])
    alone = run(Beam(3, n_best=3).run(table, [0, 1], limits))
    assert run(Beam(3, n_best=3).run(Ensemble([table]), [0, 1], limits)) == alone


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_history_writes_out_what_was_chosen(data):
    history, written = History(), [((), ())]
    for time in range(data.draw(st.integers(0, 6))):
        history.attend(np.array([[time, row] for row in range(len(written))], float))
        parents = np.array(data.draw(st.lists(st.integers(0, len(written) - 1), min_size=1)))
        tokens = np.arange(len(parents)) + 10 * time
        history.extend(parents, tokens, tokens / 2)
        written = [
            ((*written[p][0], t), (*written[p][1], (time, p)))
            for p, t in zip(parents.tolist(), tokens.tolist(), strict=True)
        ]
    history.attend(np.array([[9, row] for row in range(len(written))], float))
    time, rows = len(written[0][0]), np.arange(len(written))
    expected = np.array([tokens for tokens, _ in written]).reshape(len(rows), time)
    np.testing.assert_array_equal(history.tokens(time, rows), expected)
    tokens, log_probs, attention = history.trace(np.full(len(rows), time), rows)
    np.testing.assert_array_equal(tokens, expected)
    np.testing.assert_array_equal(log_probs, expected / 2)
    for row, (_, path) in enumerate(written):
        assert attention[row].tolist() == [*(list(map(float, p)) for p in path), [9.0, row]]


def test_a_score_is_the_log_probability_where_nothing_is_penalised():
    table = random_table(8, 1, 5, 4)
    for strategy in (Greedy(), Sample(samples=4), Beam(3, length_penalty=0, n_best=3)):
        (found,) = run(strategy.run(table, [0], np.array([4])))
        for hypothesis in found:
            assert hypothesis.score == hypothesis.log_prob
            assert hypothesis.log_prob == pytest.approx(math.fsum(hypothesis.token_log_probs))


def test_searching_needs_no_torch():
    modules = "beam sample ensemble processors"
    imports = "; ".join(f"import seqgen.search.{name}" for name in modules.split())
    subprocess.run(
        [sys.executable, "-c", f"{imports}; import sys; assert 'torch' not in sys.modules"],
        check=True,
    )
