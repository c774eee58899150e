"""Beam search against enumeration, against beam search by the book, and against itself."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import Table, best_of, enumerate_all, plain_beam, random_table, some_processors

from seqgen.errors import UserError
from seqgen.search import processors as pr
from seqgen.search.beam import Beam
from seqgen.search.sample import Greedy
from seqgen.search.step import run

SEEDS = st.integers(0, 2**32 - 1)
ALPHAS = st.sampled_from([0.0, 0.6, 1.0, 1.7, -0.5, -1.0, 3.0])
BETAS = st.sampled_from([0.0, 0.2, 1.0])
HOLES = st.sampled_from([0.0, 0.0, 0.3, 0.6])


def same(found, expected, number):
    """``found`` hypotheses are the ``expected`` (Ending, score) pairs of input ``number``."""
    assert [h.tokens for h in found] == [ending.prefix for ending, _ in expected]
    for hypothesis, (ending, score) in zip(found, expected, strict=True):
        assert hypothesis.finished == ending.finished
        assert hypothesis.score == pytest.approx(score, abs=1e-9)
        assert hypothesis.token_log_probs == ending.own
        assert hypothesis.log_prob == pytest.approx(sum(ending.own), abs=1e-9)


def true_to(table: Table, number: int, hypothesis) -> None:
    """Tokens, log-probabilities and attention of ``hypothesis`` are those of the table."""
    full = [*hypothesis.tokens, table.eos][: len(hypothesis.token_log_probs)]
    assert table.eos not in hypothesis.tokens
    assert len(full) == len(hypothesis.tokens) + hypothesis.finished
    nodes = [table.node(full[:j]) for j in range(len(full))]
    own = tuple(table.log_probs[number, n, v] for n, v in zip(nodes, full, strict=True))
    assert hypothesis.token_log_probs == own
    assert hypothesis.log_prob == pytest.approx(sum(own), abs=1e-12)
    np.testing.assert_array_equal(
        hypothesis.attention, table.attention[number, nodes][:, : table.positions]
    )


@settings(deadline=None, max_examples=120)
@given(st.data(), SEEDS, st.integers(3, 6), st.integers(2, 5), ALPHAS, BETAS, HOLES)
def test_a_beam_of_everything_finds_the_true_n_best(data, seed, vocab, length, alpha, beta, holes):
    table = random_table(seed, 1, vocab, length, holes=holes)
    processors = data.draw(some_processors(vocab, table.eos))
    everything = (vocab - 1) ** length * vocab
    n_best = data.draw(st.integers(1, 6))
    strategy = Beam(everything, alpha, beta, n_best)
    (found,) = run(strategy.run(table, [0], np.array([length]), processors))
    expected = best_of(enumerate_all(table, 0, length, processors), table, 0, strategy)
    same(found, expected, 0)
    for hypothesis in found:
        true_to(table, 0, hypothesis)


@pytest.mark.parametrize("subset", range(32))
def test_every_penalty_with_every_combination_of_processors(subset):
    vocab, length = [(3, 5), (4, 5), (5, 4), (6, 4)][subset % 4]
    table = random_table(100 + subset, 1, vocab, length)
    other, another = [token for token in range(3) if token != table.eos][:2]
    processors = tuple(
        processor
        for bit, processor in enumerate(
            [
                pr.MinimumLength(2, table.eos),
                pr.NoRepeat(2),
                pr.RepetitionPenalty(1.5),
                pr.Ban(((other, another), (another, another, other))),
                pr.ForcedPrefix((another,)),
            ]
        )
        if subset >> bit & 1
    )
    endings = enumerate_all(table, 0, length, processors)
    for alpha, beta in itertools.product([0.0, 0.6, 1.0, 2.5, -0.7, -2.0], [0.0, 0.3, 2.0]):
        strategy = Beam((vocab - 1) ** length * vocab, alpha, beta, n_best=7)
        (found,) = run(strategy.run(table, [0], np.array([length]), processors))
        same(found, best_of(endings, table, 0, strategy), 0)


@settings(deadline=None, max_examples=250)
@given(st.data(), SEEDS, st.integers(3, 6), st.integers(0, 5), ALPHAS, BETAS, HOLES)
def test_any_beam_is_beam_search_by_the_book(data, seed, vocab, length, alpha, beta, holes):
    table = random_table(seed, 1, vocab, length, holes=holes)
    processors = data.draw(some_processors(vocab, table.eos))
    groups, each = data.draw(st.sampled_from([(1, 1), (1, 2), (1, 5), (2, 1), (2, 2), (3, 2)]))
    diversity = 0.0 if groups == 1 else data.draw(st.sampled_from([0.1, 0.7, 5.0]))
    n_best = data.draw(st.integers(1, groups * each))
    strategy = Beam(groups * each, alpha, beta, n_best, groups, diversity)
    (found,) = run(strategy.run(table, [0], np.array([length]), processors))
    same(found, plain_beam(table, 0, length, strategy, processors), 0)
    assert len({h.tokens for h in found}) == len(found)
    for hypothesis in found:
        true_to(table, 0, hypothesis)


@settings(deadline=None, max_examples=120)
@given(st.data(), SEEDS, st.integers(3, 5), ALPHAS, BETAS, HOLES)
def test_an_input_never_depends_on_its_batch(data, seed, vocab, alpha, beta, holes):
    table = random_table(seed, 5, vocab, 4, positions=25, holes=holes)
    processors = data.draw(some_processors(vocab, table.eos))
    groups, each = data.draw(st.sampled_from([(1, 1), (1, 3), (1, 9), (3, 1), (2, 2)]))
    strategy = Beam(groups * each, alpha, beta, min(3, groups * each), groups, float(groups > 1))
    inputs = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=7))
    limits = np.array([data.draw(st.integers(0, 4)) for _ in inputs])
    together = run(strategy.run(table, inputs, limits, processors))
    for number, limit, found in zip(inputs, limits, together, strict=True):
        (alone,) = run(strategy.run(table, [number], np.array([limit]), processors))
        assert alone == found  # floats and all
        for one, other in zip(alone, found, strict=True):
            size = one.attention.shape[1]
            np.testing.assert_array_equal(one.attention, other.attention[:, :size])
            assert not other.attention[:, size:].any()


@settings(deadline=None, max_examples=60)
@given(st.data(), SEEDS, st.integers(3, 6), ALPHAS, HOLES)
def test_a_beam_of_one_is_greedy(data, seed, vocab, alpha, holes):
    table = random_table(seed, 3, vocab, 4, holes=holes)
    processors = data.draw(some_processors(vocab, table.eos))
    limits = np.array([4, 2, 0])
    greedy = run(Greedy().run(table, [0, 1, 2], limits, processors))
    assert run(Beam(1, length_penalty=0).run(table, [0, 1, 2], limits, processors)) == greedy
    longer = run(Beam(1, alpha).run(table, [0, 1, 2], limits, processors))
    for (one,), (other,), number in zip(greedy, longer, itertools.count()):
        assert one.finished == other.finished
        if one.finished:  # under a length penalty a beam of one goes on while that may pay
            (ending,) = (
                e
                for e in enumerate_all(table, number, 4, processors)
                if e.finished and e.prefix == one.tokens
            )
            assert other.score >= ending.score(table, number, Beam(1, alpha)) - 1e-12


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
