import math

import pytest
import torch

from seqgen.errors import UserError
from seqgen.model.attention import Attention
from seqgen.model.memory import Memory


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
