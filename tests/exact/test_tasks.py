"""Trained models of every task: what they write, in any company, is what scoring it says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from effort import COUNTS, pick
from squares import COLOURS, draw

import seqgen
from seqgen import Beam, Greedy, Sample
from seqgen.running_text import encode_text
from seqgen.search.processors import NoRepeat

STRATEGIES = [
    Greedy(),
    Beam(4),
    Beam(3, length_penalty=0.0, n_best=3),
    Beam(3, coverage_penalty=0.4),
    Beam(4, groups=2, diversity=0.5, n_best=2),
    Sample(1.2, samples=2, seed=3),
    Sample(0.8, top_k=5, top_p=0.9, seed=1),
]
INPUTS = {
    "translate": ["a big dog", "", "cat", "red red cat sees", "dog sees a cat", " ", "big", "zz ü"],
    "caption": [draw(colour, place) for colour in COLOURS for place in ("left", "right")],
    "write": ["", "a ", "the cat", "one bird s", "a dog runs.\n", "\n", "xyz ü", "t"],
}
TYPES = {"float64": torch.float64, "float32": torch.float32}


@pytest.fixture(scope="module", params=INPUTS)
def task(request):
    return request.param


@pytest.fixture(scope="module", params=TYPES)
def model(request, task, tiny_bundle, tiny_captioner, tiny_writer):
    folders = {"translate": tiny_bundle, "caption": tiny_captioner, "write": tiny_writer.folder}
    loaded = seqgen.load(folders[task])
    loaded.bundles[0].model.to(TYPES[request.param])
    return loaded


def search(task, model, inputs, strategy, batch_size=64, processors=()):
    options = {"length": 15} if task == "write" else {}
    found = model.hypotheses(
        inputs, strategy, processors=processors, batch_size=batch_size, **options
    )
    return list(found)


def scored(task, model, item, text):
    """The model's own log-probabilities of ``text`` after ``item``, and their tokens."""
    if task == "write":
        begun, tokens = encode_text(model.target, item), encode_text(model.target, item + text)
        return model.score([item + text])[0][len(begun) :], tuple(tokens[len(begun) :])
    return model.score([item], [text])[0], tuple(model.target.encode([text])[0])


def within(model):
    dtype = next(model.bundles[0].model.parameters()).dtype
    return 1e-10 if dtype == torch.float64 else 1e-4


def skip_what_cannot_be(task, strategy):
    if task == "write" and strategy == Beam(3, coverage_penalty=0.4):
        pytest.skip("a language model has no attention to cover anything with")


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_the_log_prob_reported_is_what_scoring_gives(task, model, strategy):
    skip_what_cannot_be(task, strategy)
    checked = 0
    for item, best in zip(
        INPUTS[task], search(task, model, INPUTS[task], strategy, processors=[NoRepeat(4)]),
        strict=True,
    ):  # fmt: skip
        for found in best:
            hypothesis = found.hypothesis
            assert sum(hypothesis.token_log_probs) == pytest.approx(hypothesis.log_prob)
            log_probs, tokens = scored(task, model, item, found.text)
            if tokens == hypothesis.tokens:  # not if text has a likelier cut into subwords
                own = hypothesis.token_log_probs
                assert own == pytest.approx(log_probs[: len(own)], abs=within(model))
                checked += 1
    assert checked
    COUNTS["outputs of trained models scored again"] += checked


@pytest.mark.parametrize("strategy", STRATEGIES[:: pick(2, 1)], ids=repr)
def test_output_depends_neither_on_the_batch_nor_on_its_order(task, model, strategy):
    skip_what_cannot_be(task, strategy)
    inputs = INPUTS[task]
    alone = search(task, model, inputs, strategy, batch_size=1)
    orders = list(itertools.islice(itertools.permutations(range(8)), 5, 40000, pick(20000, 4000)))
    if isinstance(strategy, Sample):  # chance belongs to the place of a line
        orders = [tuple(range(8))]
    for size, order in itertools.product((7, 64), orders):
        found = search(task, model, [inputs[i] for i in order], strategy, size)
        for i, best in zip(order, found, strict=True):
            assert [one.text for one in best] == [one.text for one in alone[i]]
            for one, other in zip(best, alone[i], strict=True):
                mine, theirs = one.hypothesis, other.hypothesis
                assert (mine.tokens, mine.finished) == (theirs.tokens, theirs.finished)
                expected = pytest.approx(theirs.token_log_probs, abs=within(model))
                assert mine.token_log_probs == expected
                assert mine.score == pytest.approx(theirs.score, abs=10 * within(model))
        COUNTS["inputs searched in other company"] += len(order)


def test_an_ensemble_scores_and_searches_as_the_mean_of_its_models(task, model):
    """Of a model and itself disturbed: scores are log of the mean of probabilities."""
    import copy

    bundle = model.bundles[0]
    other = copy.deepcopy(bundle)
    generator = torch.Generator().manual_seed(1)
    for parameter in other.model.parameters():
        noise = torch.randn(parameter.shape, generator=generator).to(parameter)
        parameter.data += 0.05 * noise
    both, second = type(model)(bundle, other), type(model)(other)
    for strategy in (Greedy(), Beam(4, n_best=3), Sample(samples=3, seed=2)):
        found = search(task, both, INPUTS[task], strategy)
        for item, best in zip(INPUTS[task], found, strict=True):
            for one in best:
                own = one.hypothesis.token_log_probs
                each = [scored(task, m, item, one.text) for m in (model, second)]
                if each[0][1] == one.hypothesis.tokens:
                    rows = [row[: len(own)] for row, _ in each]
                    mean = np.logaddexp(*map(np.array, rows)) - np.log(2)
                    assert own == pytest.approx(mean.tolist(), abs=within(model))
                    COUNTS["outputs of ensembles held against the mean"] += 1
