"""When a beam stops, what it tells on the way, and what it refuses; exact/ has the rest."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tables import Table, random_table

from seqgen.errors import UserError
from seqgen.search.beam import Beam
from seqgen.search.step import run


def test_the_search_stops_as_soon_as_nothing_can_improve():
    certain = np.full((1, 1 + 4 + 16 + 64, 4), np.log(1e-4))
    certain[:, :, 2] = np.log(1 - 3e-4)
    certain[:, [1 + 2], :] = np.log(1e-4)
    certain[:, [1 + 2], 1] = np.log(1 - 3e-4)
    table = Table(certain, eos=1)
    (found,) = run(Beam(3).run(table, [0], np.array([3])))
    assert [h.tokens for h in found] == [(2,)] and table.steps == 2


@pytest.mark.parametrize("alpha", [0.0, 1.0, 2.0, -1.0])
def test_the_search_goes_on_while_something_can_improve(alpha):
    probabilities = np.full((1, sum(3**n for n in range(7)), 3), [0.0, 0.0, 1.0])
    table = Table(probabilities, eos=1)
    probabilities[0, 0] = 0.1, 0.5, 0.4  # ends at once, or goes on with 2, surely, to the limit
    probabilities[0, table.node([2] * 5)] = 0.0, 1.0, 0.0
    with np.errstate(divide="ignore"):
        np.log(probabilities, out=probabilities)
    (found,) = run(Beam(3, alpha).run(table, [0], np.array([5])))
    assert found[0].tokens == ((2,) * 5 if alpha > 0 else ())
    assert table.steps == (6 if alpha > 0 else 1)


def test_a_penalty_on_length_stops_a_step_earlier():
    probabilities = np.full((1, 1 + 3 + 9, 3), 1 / 3)
    probabilities[0, 0] = 0.01, 0.45, 0.54
    table = Table(np.log(probabilities), eos=1)
    # log .54 > log .45, but at two tokens at least it comes to log .54 * (7/6)^2 < log .45
    assert run(Beam(2, -2.0).run(table, [0], np.array([2])))[0][0].tokens == ()
    assert table.steps == 1


def test_steps_tell_what_lives():
    table = random_table(3, 2, 4, 4)
    for step in Beam(2, length_penalty=0).run(table, [0, 1], np.array([4, 2])):
        lives = step.totals > -np.inf
        assert step.tokens.shape == (len(step.inputs), step.position + 1)
        for number, tokens, total in zip(
            step.inputs[lives], step.tokens[lives].tolist(), step.totals[lives], strict=True
        ):
            nodes = [table.node(tokens[:j]) for j in range(len(tokens))]
            assert total == pytest.approx(table.log_probs[number, nodes, tokens].sum())


def test_groups_differ_where_one_group_would_not():
    probabilities = np.full((1, 1 + 4 + 16 + 64, 4), 0.001)  # after two tokens comes EOS, 1
    table = Table(probabilities, eos=1)
    probabilities[0, table.node([])] = 0.005, 0.005, 0.7, 0.29
    probabilities[0, table.node([2])] = 0.005, 0.005, 0.5, 0.49
    probabilities[0, table.node([3])] = 0.005, 0.005, 0.6, 0.39
    probabilities[0, 5:21, 1] = 0.997
    np.log(probabilities, out=probabilities)
    (plain,) = run(Beam(2, 0, n_best=2).run(table, [0], np.array([3])))
    assert [h.tokens for h in plain] == [(2, 2), (2, 3)]
    strategy = Beam(2, 0, n_best=2, groups=2, diversity=1.0)
    (diverse,) = run(strategy.run(table, [0], np.array([3])))
    assert [h.tokens for h in diverse] == [(2, 2), (3, 3)]


def test_float32_and_no_attention():
    table = random_table(5, 2, 5, 4)
    narrow = Table(table.log_probs.astype(np.float32), eos=table.eos)
    wide = run(Beam(3).run(table, [0, 1], np.array([4, 4])))
    found = run(Beam(3).run(narrow, [0, 1], np.array([4, 4])))
    assert [h[0].tokens for h in found] == [h[0].tokens for h in wide]
    assert found[0][0].attention is None
    assert found[0][0].score == pytest.approx(wide[0][0].score, rel=1e-5)


def test_no_inputs_no_steps():
    assert list(Beam().run(random_table(0, 1, 3, 2), [], np.array([], np.int64))) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"size": 0},
        {"n_best": 6},
        {"n_best": 0},
        {"length_penalty": float("nan")},
        {"coverage_penalty": -0.1},
        {"groups": 2, "diversity": 1.0},
        {"size": 4, "groups": 2},
        {"diversity": 0.5},
        {"size": 4, "groups": 2, "diversity": float("inf")},
    ],
)
def test_settings_that_mean_nothing_are_refused(settings):
    with pytest.raises(UserError):
        Beam(**settings)


def test_a_broken_model_and_a_missing_attention_are_named():
    table = random_table(0, 1, 4, 2)
    with pytest.raises(UserError, match="attention"):
        run(Beam(coverage_penalty=0.1).run(Table(table.log_probs), [0], np.array([2])))
    with pytest.raises(UserError, match="NaN"):
        run(Beam().run(Table(table.log_probs * np.nan), [0], np.array([2])))
    with pytest.raises(UserError, match="less than 0"):
        run(Beam().run(table, [0], np.array([-1])))


def test_strategies_are_values():
    assert dataclasses.replace(Beam(), size=7) == Beam(size=7)
