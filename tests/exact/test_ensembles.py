"""An ensemble is the one model whose table is the mean of its models' tables."""

from __future__ import annotations

import numpy as np
import pytest
from effort import COUNTS, examples
from hypothesis import given
from hypothesis import strategies as st
from tables import Table, random_table, some_processors

from seqgen.search.beam import Beam
from seqgen.search.ensemble import Ensemble
from seqgen.search.sample import Greedy, Sample
from seqgen.search.step import run


@examples(80, 2000)
@given(st.data(), st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from([0.0, 0.5]))
def test_an_ensemble_is_the_mean_of_probabilities_and_independent_of_batch(data, seed, size, holes):
    tables = [random_table(seed + i, 3, 5, 4, holes=holes) for i in range(size)]
    tables = [Table(t.log_probs, t.attention, eos=1) for t in tables]
    mixed = np.full_like(tables[0].log_probs, -np.inf)
    probabilities = sum(np.exp(t.log_probs) for t in tables) / size
    np.log(probabilities, out=mixed, where=probabilities > 0)
    oracle = Table(mixed, sum(t.attention for t in tables) / size, eos=1)
    strategies = [
        Greedy(),
        Sample(seed=seed),
        Sample(2.0, top_p=0.9, samples=3),
        Beam(3, 1.0, 0.2, 3),
    ]
    strategy = data.draw(st.sampled_from(strategies))
    processors = data.draw(some_processors(5, 1))
    limits = np.array([4, 2, 3])
    together = run(strategy.run(Ensemble(tables), [2, 0, 1], limits, processors))
    expected = run(strategy.run(oracle, [2, 0, 1], limits, processors))
    for number, limit, found, true in zip([2, 0, 1], limits, together, expected, strict=True):
        assert [h.tokens for h in found] == [h.tokens for h in true]
        for one, other in zip(found, true, strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-9)
            assert one.token_log_probs == pytest.approx(other.token_log_probs, abs=1e-9)
            np.testing.assert_allclose(one.attention, other.attention)
        rows = np.array([[2, 0, 1].index(number)])
        (alone,) = run(
            strategy.run(Ensemble(tables), [number], np.array([limit]), processors, rows)
        )
        assert alone == found
    COUNTS["ensembles held against the averaged table"] += 1
