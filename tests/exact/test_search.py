"""Searches over tables against enumeration of every sequence, by the book, and by constraint."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from effort import COUNTS, examples
from hypothesis import given
from hypothesis import strategies as st
from tables import (
    Table,
    allowed,
    best_of,
    enumerate_all,
    plain_beam,
    random_table,
    some_processors,
)

from seqgen.search import processors as pr
from seqgen.search.beam import Beam
from seqgen.search.sample import Greedy, Sample
from seqgen.search.step import run

SEEDS = st.integers(0, 2**32 - 1)
ALPHAS = st.one_of(st.sampled_from([0.0, 0.6, 1.0, 1.7, -0.5, -1.0, 3.0]), st.floats(-2, 4))
BETAS = st.one_of(st.sampled_from([0.0, 0.2, 1.0]), st.floats(0, 3))
HOLES = st.sampled_from([0.0, 0.0, 0.3, 0.6])
GROUPS = st.sampled_from([(1, 1), (1, 2), (1, 5), (2, 1), (2, 2), (3, 2)])


def same(found, expected):
    """``found`` hypotheses are the ``expected`` pairs of an ending and its score."""
    assert [h.tokens for h in found] == [ending.prefix for ending, _ in expected]
    for hypothesis, (ending, score) in zip(found, expected, strict=True):
        assert hypothesis.finished == ending.finished
        assert hypothesis.score == pytest.approx(score, abs=1e-9)
        assert hypothesis.token_log_probs == ending.own
        assert hypothesis.log_prob == pytest.approx(sum(ending.own), abs=1e-9)


def true_to(table: Table, number: int, found) -> None:
    """Best first, no two alike; tokens, log-probabilities and attention are the table's."""
    order = [(not h.finished, -h.score) for h in found]
    assert order == sorted(order) and len({h.tokens for h in found}) == len(found)
    for hypothesis in found:
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


@examples(60, 1500)
@given(st.data(), SEEDS, st.integers(3, 6), st.integers(1, 5), ALPHAS, BETAS, HOLES)
def test_a_beam_of_everything_finds_the_true_n_best(data, seed, vocab, length, alpha, beta, holes):
    """And all there are, where it is asked for all."""
    table = random_table(seed, 1, vocab, length, holes=holes)
    processors = data.draw(some_processors(vocab, table.eos))
    everything = (vocab - 1) ** length * vocab
    n_best = data.draw(st.one_of(st.integers(1, 6), st.just(min(everything, 800))))
    strategy = Beam(everything, alpha, beta, min(n_best, everything))
    (found,) = run(strategy.run(table, [0], np.array([length]), processors))
    endings = enumerate_all(table, 0, length, processors)
    same(found, best_of(endings, table, 0, strategy))
    true_to(table, 0, found)
    COUNTS["beams held against every sequence there is"] += 1
    COUNTS["sequences enumerated in tables"] += len(endings)


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
        same(found, best_of(endings, table, 0, strategy))
        COUNTS["beams held against every sequence there is"] += 1
    COUNTS["sequences enumerated in tables"] += len(endings)


@examples(120, 4000)
@given(st.data(), SEEDS, st.integers(3, 6), st.integers(0, 5), ALPHAS, BETAS, HOLES, GROUPS)
def test_any_beam_is_beam_search_by_the_book(
    data, seed, vocab, length, alpha, beta, holes, groups_each
):
    table = random_table(seed, 1, vocab, length, holes=holes)
    processors = data.draw(some_processors(vocab, table.eos))
    groups, each = groups_each
    diversity = 0.0 if groups == 1 else data.draw(st.sampled_from([0.1, 0.7, 5.0]))
    n_best = data.draw(st.integers(1, groups * each))
    strategy = Beam(groups * each, alpha, beta, n_best, groups, diversity)
    (found,) = run(strategy.run(table, [0], np.array([length]), processors))
    same(found, plain_beam(table, 0, length, strategy, processors))
    true_to(table, 0, found)
    COUNTS["beams held against beam search by the book"] += 1


@examples(60, 1500)
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


@examples(40, 800)
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


@examples(100, 3000)
@given(st.data(), SEEDS, st.integers(3, 6), HOLES, GROUPS)
def test_what_processors_forbid_never_comes(data, seed, vocab, holes, groups_each):
    """Minimum length, prefix, bans and repetitions, said in words, for every strategy."""
    table = random_table(seed, 2, vocab, 4, holes=holes)
    processors = data.draw(some_processors(vocab, table.eos))
    groups, each = groups_each
    size = groups * each
    strategy = data.draw(
        st.sampled_from(
            [
                Greedy(),
                Beam(size, 1.0, 0.0, size, groups, float(groups > 1)),
                Sample(2.0, samples=4, seed=seed),
                Sample(top_p=0.9, min_p=0.05, samples=3, seed=seed),
            ]
        )
    )
    for found in run(strategy.run(table, [0, 1], np.array([4, 3]), processors)):
        for hypothesis in found:
            full = (*hypothesis.tokens, table.eos)[: len(hypothesis.token_log_probs)]
            for place, token in enumerate(full):
                for processor in processors:
                    assert allowed(processor, full[:place], token)
            COUNTS["outputs held against their constraints"] += 1
