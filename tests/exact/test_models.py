"""Random models of every configuration: searched, scored and stepped, all to one number."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from effort import COUNTS, examples, pick
from hypothesis import given
from hypothesis import strategies as st
from models import CONFIGURATIONS, batch, small
from models import VOCAB as MANY
from tables import allowed, some_processors
from tiny import KINDS, VOCAB

from seqgen.model.decoder import Decoder, DecoderConfig
from seqgen.search import processors as pr
from seqgen.search.batched import Search
from seqgen.search.beam import Beam
from seqgen.search.sample import Greedy, Sample
from seqgen.search.step import run
from seqgen.text import BOS, EOS

SOME = CONFIGURATIONS[:: pick(10, 1)]
STRATEGIES = [
    Greedy(),
    Beam(4),
    Beam(3, length_penalty=0.0, n_best=3),
    Beam(3, length_penalty=-0.5, n_best=2),
    Beam(4, groups=2, diversity=0.5, n_best=2),
    Sample(1.2, samples=2, seed=3),
    Sample(0.8, top_k=4, top_p=0.9, seed=1),
    Sample(min_p=0.05, seed=2),
]
COVERING = Beam(3, coverage_penalty=0.4, n_best=2)  # where there is attention
PROCESSORS = [
    (),
    (pr.MinimumLength(2, EOS), pr.NoRepeat(2)),
    (pr.RepetitionPenalty(1.3), pr.Ban(((4, 5),)), pr.ForcedPrefix((5,))),
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_forward_equals_steps_for_every_configuration(dtype):
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    source = batch([5, 2, 7])
    tokens = torch.randint(4, MANY, (3, 6), generator=torch.Generator().manual_seed(2))
    tokens[:, 0] = BOS
    for configuration in CONFIGURATIONS:
        model = small(dtype, **configuration)
        with torch.no_grad():
            memory = model.encode(source)
            whole = torch.log_softmax(model.decoder(memory, tokens), -1)
            state = model.decoder.start(memory, 3)
            for time in range(6):
                log_probs, state, weights = model.decoder.step(tokens[:, time], state)
                torch.testing.assert_close(
                    log_probs, whole[:, time], atol=tolerance, rtol=0, msg=str(configuration)
                )
        assert (weights is None) == (configuration["attention"] == "none")
        if weights is not None:
            torch.testing.assert_close(weights.sum(-1), torch.ones(3, dtype=dtype))


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("layers", [1, 3])
def test_forward_equals_steps_without_a_memory(cell, layers):
    config = DecoderConfig(embedding_dim=8, hidden_dim=12, cell=cell, layers=layers)
    decoder = Decoder(MANY, None, config).double().eval()
    tokens = torch.randint(4, MANY, (2, 5), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        whole = torch.log_softmax(decoder(None, tokens), -1)
        state = decoder.start(None, 2)
        for time in range(5):
            log_probs, state, _ = decoder.step(tokens[:, time], state)
            torch.testing.assert_close(log_probs, whole[:, time], atol=1e-12, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_what_a_search_reports_is_what_teacher_forcing_gives(kind, dtype):
    """Every strategy, every token, whatever the processors made of it in the search."""
    tolerance = 1e-10 if dtype == torch.float64 else 1e-4
    for configuration in SOME:
        if kind == "writer" and configuration["input_feeding"]:
            continue
        model = KINDS[kind](dtype, **configuration)
        covering = [COVERING] if kind != "writer" and configuration["attention"] != "none" else []
        inputs, limits = model.inputs[:3], np.array([4, 2, 3])
        for number, strategy in enumerate([*STRATEGIES, *covering]):
            processors = PROCESSORS[number % len(PROCESSORS)]
            found = run(strategy.run(model.stepper, model.batch(inputs), limits, processors))
            for item, best in zip(inputs, found, strict=True):
                for hypothesis in best:
                    own = hypothesis.token_log_probs
                    expected = model.forced(item, hypothesis.tokens)[: len(own)]
                    assert own == pytest.approx(expected, abs=tolerance), configuration
                    assert hypothesis.log_prob == pytest.approx(sum(expected), abs=8 * tolerance)
                    COUNTS["outputs of models scored again by teacher forcing"] += 1


@pytest.mark.parametrize("kind", KINDS)
@examples(5, 80)
@given(data=st.data(), place=st.integers(0, 63), alpha=st.sampled_from([0.0, 1.0, -0.5, 2.0]))
def test_a_beam_of_everything_finds_the_true_optimum_of_a_model(kind, data, place, alpha):
    """Of all sequences of up to three tokens, each scored by teacher forcing."""
    model = KINDS[kind](**data.draw(st.sampled_from([{}, {"cell": "gru", "layers": 1}])))
    item, limit = model.inputs[place], 3
    processors = tuple(
        processor
        for processor in data.draw(some_processors(VOCAB, EOS))
        if not isinstance(processor, pr.RepetitionPenalty)  # it forbids nothing
    )
    scored, after = [], model.following(item, limit)
    for tokens in after:
        full = (*tokens, EOS)
        if all(allowed(p, full[:i], t) for i, t in enumerate(full) for p in processors):
            total = sum(after[tokens[:i]][t] for i, t in enumerate(full))
            scored.append((total / ((5 + len(full)) / 6) ** alpha, tokens))
    scored.sort(reverse=True)
    everything = (VOCAB - 1) ** limit * VOCAB
    strategy = Beam(everything, alpha, n_best=8)
    (found,) = run(strategy.run(model.stepper, model.batch([item]), np.array([limit]), processors))
    found = [hypothesis for hypothesis in found if hypothesis.finished]
    assert [h.tokens for h in found] == [tokens for _, tokens in scored[:8]]
    assert [h.score for h in found] == pytest.approx([s for s, _ in scored[:8]], abs=1e-9)
    COUNTS["sequences of models enumerated by teacher forcing"] += len(scored)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("strategy", [*STRATEGIES[:: pick(2, 1)], COVERING], ids=repr)
def test_batch_size_and_order_change_nothing(kind, strategy):
    """64 inputs alone, seven at a time and all at once, as they come and shuffled."""
    if kind == "writer" and strategy == COVERING:
        pytest.skip("a language model has no attention to cover anything with")
    model = KINDS[kind]()
    limits = np.random.default_rng(4).integers(1, 6, 64)

    def search(batch_size, order):
        search = Search(model.stepper, strategy, PROCESSORS[1], model.batch, batch_size)
        inputs, sizes = [model.inputs[i] for i in order], [model.sizes[i] for i in order]
        found = search(inputs, sizes, limits[order], order)
        return {int(i): best for i, best in zip(order, found, strict=True)}

    alone = search(1, np.arange(64))
    orders = [np.random.default_rng(seed).permutation(64) for seed in range(pick(1, 6))]
    for size, order in itertools.product((7, 64), [np.arange(64), *orders]):
        found = search(size, order)
        for i in range(64):
            assert [h.tokens for h in found[i]] == [h.tokens for h in alone[i]]
            for one, other in zip(found[i], alone[i], strict=True):
                assert one.token_log_probs == pytest.approx(other.token_log_probs, abs=1e-12)
                assert one.score == pytest.approx(other.score, abs=1e-12)
            COUNTS["inputs searched in other company"] += 1
