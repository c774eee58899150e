import math

import pytest
import torch
from models import batch, small

from seqgen.errors import UserError
from seqgen.model.attention import Attention, make_attention
from seqgen.model.decoder import DecoderConfig
from seqgen.model.memory import Memory
from seqgen.plugins import name_of


def memory(batch=2, length=4, width=5):
    generator = torch.Generator().manual_seed(1)
    states = torch.randn(batch, length, width, generator=generator, dtype=torch.float64)
    mask = torch.arange(length) < torch.tensor([[length], [2]])
    return Memory(states, mask, states.mean(1))


@pytest.mark.parametrize("kind", ["dot", "general", "mlp"])
def test_weights_follow_the_formula_and_ignore_padding(kind):
    torch.manual_seed(0)
    source = memory()
    attention = Attention(5, 5, kind).double()
    queries = torch.randn(2, 3, 5, dtype=torch.float64)
    context, weights = attention(queries, attention.prepare(source))
    assert (weights[1, :, 2:] == 0).all()
    for b, length in enumerate((4, 2)):
        for k in range(3):
            energies = []
            for s in range(length):
                query, state = queries[b, k], source.states[b, s]
                if kind == "dot":
                    energy = query @ state / math.sqrt(5)
                elif kind == "general":
                    energy = query @ (attention.key.weight @ state) / math.sqrt(5)
                else:
                    mixed = attention.query(query) + attention.key.weight @ state
                    energy = attention.energy.weight[0] @ torch.tanh(mixed)
                energies.append(energy)
            expected = torch.softmax(torch.stack(energies), 0)
            torch.testing.assert_close(weights[b, k, :length], expected)
            torch.testing.assert_close(context[b, k], expected @ source.states[b, :length])


def test_dot_needs_equal_widths():
    with pytest.raises(UserError, match="general"):
        Attention(4, 5, "dot")


class Own(Attention):
    """A general attention that can be broken."""

    def __init__(self, query_dim: int, memory_dim: int, fault: str = "") -> None:
        super().__init__(query_dim, memory_dim)
        self.fault = fault

    def prepare(self, memory):
        if self.fault == "unmasked":
            memory = Memory(memory.states, torch.ones_like(memory.mask), memory.summary)
        return () if self.fault == "unprepared" else super().prepare(memory)

    def forward(self, queries, prepared):
        contexts, weights = super().forward(queries, prepared)
        if self.fault == "sums":
            return contexts, weights * 2
        return (contexts[..., 1:], weights) if self.fault == "narrow" else (contexts, weights)


@pytest.mark.parametrize("feeding", [False, True])
def test_one_of_ones_own_steps_as_it_is_taught(feeding):
    model = small(attention=name_of(Own), input_feeding=feeding)
    assert isinstance(model.decoder.attention, Own)
    source, tokens = batch([4, 2]), batch([5, 5]).tokens
    logits = model(source, tokens)
    memory = model.encode(source)
    state = model.decoder.start(memory, 2)
    for position in range(5):
        log_probs, state, _ = model.decoder.step(tokens[:, position], state)
        torch.testing.assert_close(log_probs, logits[:, position].log_softmax(-1))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("unmasked", "looks at padding"),
        ("unprepared", "prepares tuple; return a Prepared"),
        ("sums", "must sum to 1"),
        ("narrow", r"contexts are \[2, 1, 3\] where \[2, 1, 4\]"),
    ],
)
def test_a_broken_one_is_caught_before_training(fault, message):
    with pytest.raises(UserError, match=message):
        make_attention(name_of(Own), {"fault": fault}, 6, 4)


def test_a_name_that_is_none_is_told_the_known_ones():
    with pytest.raises(UserError, match="choose from dot, general, mlp, none, or name your own"):
        DecoderConfig(attention="generall")
    with pytest.raises(UserError, match="has no options"):
        make_attention("general", {"heads": 2}, 6, 4)
    with pytest.raises(UserError, match="no torch module"):
        make_attention(name_of(object), {}, 6, 4)
