"""A model that is a table, so that every sequence can be enumerated.

`Table` holds the log-probabilities of the next token for every prefix of a complete tree, in
float64, and an attention to go with each. The oracles below it are written for people to read:
plain Python, one hypothesis at a time, no early stopping.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from seqgen.search import processors as pr
from seqgen.search.beam import Beam
from seqgen.search.top import top

SAMPLINGS = [  # options of `Sample`
    {},
    {"temperature": 0.5},
    {"temperature": 2.0, "top_k": 3},
    {"top_p": 0.7},
    {"min_p": 0.3},
    {"temperature": 1.5, "top_k": 4, "top_p": 0.8, "min_p": 0.25},
]


@dataclass(frozen=True)
class Opaque:
    """An array that can do nothing but become one: a search may ask no more of a backend."""

    values: np.ndarray

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


class Table:
    """A stepper over ``log_probs`` [inputs, nodes, V]; the child of node n by token v is nV+v+1.

    Its inputs are numbers of tables. It checks what a search promises a stepper: ``select`` is
    never called in vain, rows keep their order of inputs, and every input has as many as the
    next. ``steps`` counts the calls of ``step``.
    """

    def __init__(self, log_probs, attention=None, eos=1, bos=0):
        self.log_probs, self.attention = log_probs, attention
        self.eos, self.bos, self.vocab_size = eos, bos, log_probs.shape[2]
        self.steps = 0

    def start(self, inputs):
        self.width = None
        if self.attention is not None:  # as padded as the longest input of the batch demands
            self.positions = int((self.attention[inputs] > 0).any(axis=(0, 1)).sum())
        return np.arange(len(inputs)), np.asarray(inputs), np.full(len(inputs), -1)

    def step(self, tokens, state):
        self.steps += 1
        places, inputs, nodes = state
        assert tokens.dtype == np.int64 and len(tokens) == len(inputs)
        if nodes[0] < 0:
            assert (tokens == self.bos).all()
            nodes = np.zeros_like(nodes)
        else:
            nodes = nodes * self.vocab_size + tokens + 1
        attention = None
        if self.attention is not None:
            attention = Opaque(self.attention[inputs, nodes, : self.positions])
        return Opaque(self.log_probs[inputs, nodes]), (places, inputs, nodes), attention

    def select(self, state, rows):
        assert rows.dtype == np.int64 and len(rows)
        places, inputs, nodes = (part[rows] for part in state)
        assert len(rows) != len(state[0]) or (rows != np.arange(len(rows))).any()
        changes = np.flatnonzero(np.diff(places)) + 1
        sizes = {len(group) for group in np.split(places, changes)}
        assert len(sizes) == 1 and (self.width is None or sizes == self.width)
        assert (np.diff(places) >= 0).all()
        self.width = sizes
        return places, inputs, nodes

    def top(self, log_probs, k):
        return top(np.asarray(log_probs), k)

    def node(self, prefix: Sequence[int]) -> int:
        node = 0
        for token in prefix:
            node = node * self.vocab_size + token + 1
        return node


def random_table(
    seed: int, inputs: int, vocab: int, length: int, positions: int = 3, holes: float = 0.0
) -> Table:
    """A table for prefixes of up to ``length`` tokens; a share ``holes`` of tokens is -inf."""
    rng = np.random.default_rng(seed)
    nodes = sum(vocab**n for n in range(length + 1))
    eos = int(rng.integers(vocab))
    logits = rng.normal(size=(inputs, nodes, vocab)) * rng.choice([0.3, 1.0, 3.0, 9.0])
    logits[:, :, eos] += rng.choice([-2.0, 0.0, 1.0])
    logits[rng.random(logits.shape) < holes] = -np.inf
    peak = logits.max(axis=2, keepdims=True)
    total = np.exp(logits - np.where(peak > -np.inf, peak, 0)).sum(axis=2, keepdims=True)
    norm = np.where(total > 0, np.log(np.where(total > 0, total, 1)) + peak, 0)
    weights = rng.exponential(size=(inputs, nodes, positions)) ** 2
    for number in range(inputs):  # the inputs are of different length: the rest is padding
        weights[number, :, max(1, positions * (number + 1) // inputs) :] = 0
    return Table(logits - norm, weights / weights.sum(axis=2, keepdims=True), eos)


@dataclass(frozen=True)
class Ending:
    """A sequence as the oracles know it; ``prefix`` has no EOS, ``total`` is as processed."""

    prefix: tuple[int, ...]
    total: float
    own: tuple[float, ...]
    finished: bool

    def score(self, table: Table, number: int, strategy: Beam) -> float:
        """Wu et al. 2016, equation 14."""
        length = len(self.own)
        penalty = ((5 + length) / 6) ** strategy.length_penalty
        coverage = 0.0
        for i in range(table.attention.shape[2]):
            spent = sum(
                table.attention[number, table.node(self.prefix[:j]), i] for j in range(length)
            )
            coverage += math.log(min(spent, 1.0)) if spent > 0 else 0.0
        return self.total / penalty + strategy.coverage_penalty * coverage


def processed(table: Table, number: int, prefix, processors) -> tuple[list[float], list[float]]:
    """The model's own log-probabilities after ``prefix``, and what ``processors`` make of them."""
    own = table.log_probs[number, table.node(prefix)]
    values = own[None]
    for processor in processors:
        values = processor(np.array([prefix], np.int64).reshape(1, -1), values)
    return own.tolist(), values[0].tolist()


def enumerate_all(table: Table, number: int, limit: int, processors=()) -> list[Ending]:
    """Every sequence that can end, and every one that must be cut, of input ``number``."""
    endings, level = [], [Ending((), 0.0, (), False)]
    for time in range(limit + 1):
        longer = []
        for begun in level:
            own, values = processed(table, number, begun.prefix, processors)
            possible = [token for token in range(table.vocab_size) if values[token] > -math.inf]
            for token in possible:
                total, log_probs = begun.total + values[token], (*begun.own, own[token])
                if token == table.eos:
                    endings.append(Ending(begun.prefix, total, log_probs, True))
                elif time < limit:
                    longer.append(Ending((*begun.prefix, token), total, log_probs, False))
            if not possible or (time == limit and table.eos not in possible):
                endings.append(begun)
        level = longer
    return endings


def best_of(endings, table, number, strategy) -> list[tuple[Ending, float]]:
    """The n best: finished ones first, then by score."""
    scored = [(ending, ending.score(table, number, strategy)) for ending in endings]
    scored.sort(key=lambda pair: (not pair[0].finished, -pair[1]))
    return scored[: strategy.n_best]


def plain_beam(table: Table, number: int, limit: int, strategy: Beam, processors=()):
    """Beam search by the book: lists, no early stopping; the n best with their scores."""
    k = strategy.size // strategy.groups
    beams = [[Ending((), 0.0, (), False)] for _ in range(strategy.groups)]
    finished: dict[tuple[int, ...], Ending] = {}
    cut: dict[tuple[int, ...], Ending] = {}
    for time in range(limit + 1):
        chosen, halted = Counter(), []
        for group, beam in enumerate(beams):
            ranked = []
            for begun in beam:
                own, values = processed(table, number, begun.prefix, processors)
                if max(values) == -math.inf or time == limit:
                    halted.append(begun)
                for token, value in enumerate(values):
                    if value > -math.inf:
                        rank = begun.total + value - strategy.diversity * chosen[token]
                        log_probs = (*begun.own, own[token])
                        ranked.append((rank, token, begun, begun.total + value, log_probs))
            ranked.sort(key=lambda item: -item[0])
            for _, token, begun, total, log_probs in ranked[:k]:
                if token == table.eos:
                    finished[begun.prefix] = Ending(begun.prefix, total, log_probs, True)
            lives = [item for item in ranked if item[1] != table.eos][:k]
            chosen.update(item[1] for item in lives)
            beams[group] = [
                Ending((*begun.prefix, token), total, log_probs, False)
                for _, token, begun, total, log_probs in lives
            ]
        cut.update({b.prefix: b for b in halted if b.prefix not in finished})
    return best_of([*finished.values(), *cut.values()], table, number, strategy)


@st.composite
def some_processors(draw, vocab: int, eos: int) -> tuple[pr.Processor, ...]:
    """Any combination of processors, in any order."""
    token = st.integers(0, vocab - 1)
    word = st.lists(token.filter(lambda t: t != eos), min_size=1, max_size=3).map(tuple)
    ending = word.map(lambda w: (*w[:2], eos))
    kinds = [
        st.builds(pr.MinimumLength, st.integers(0, 4), st.just(eos)),
        st.builds(pr.NoRepeat, st.integers(1, 3)),
        st.builds(pr.RepetitionPenalty, st.floats(1, 3)),
        st.builds(pr.Ban, st.lists(st.one_of(word, ending), max_size=3).map(tuple)),
        st.builds(pr.ForcedPrefix, st.one_of(word.map(lambda w: w[:2]), ending)),
    ]
    return tuple(draw(st.lists(st.one_of(kinds), max_size=4)))


def allowed(processor: pr.Processor, prefix: tuple[int, ...], token: int) -> bool:
    """Whether ``token`` may follow ``prefix``, in words rather than arrays."""
    full = (*prefix, token)
    match processor:
        case pr.MinimumLength(length, end):
            return token != end or len(prefix) >= length
        case pr.NoRepeat(n):
            grams = [full[i : i + n] for i in range(len(full) - n + 1)]
            return not grams or grams[-1] not in grams[:-1]
        case pr.Ban(sequences):
            return not any(
                full[len(full) - len(s) :] == s for s in sequences if len(s) <= len(full)
            )
        case pr.ForcedPrefix(tokens):
            return len(prefix) >= len(tokens) or tokens[len(prefix)] == token
        case pr.RepetitionPenalty():
            return True


def distribution(
    log_probs: Sequence[float],
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
) -> dict[int, float]:
    """What `Sample` promises of the next token, step by step, in plain Python."""
    weights = {v: math.exp(x / temperature) for v, x in enumerate(log_probs) if x > -math.inf}
    order = sorted(weights, key=lambda v: -weights[v])
    if top_k:
        order = order[:top_k]
    total, mass, kept = sum(weights[v] for v in order), 0.0, []
    for v in order:
        if mass < top_p * total:
            kept.append(v)
            mass += weights[v]
    kept = [v for v in kept if weights[v] >= min_p * weights[order[0]]]
    total = sum(weights[v] for v in kept)
    return {v: weights[v] / total for v in kept}
