import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import VOCAB, batch, row

from seqgen.errors import UserError
from seqgen.model.ngrams import NgramEncoder


def encoder(**options):
    torch.manual_seed(1)
    return NgramEncoder(VOCAB, **{"embedding_dim": 6, "filters": 4, **options}).double().eval()


@settings(deadline=None, max_examples=20)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_a_batch_gives_what_its_rows_give_alone(lengths, seed):
    model, whole = encoder(), batch(lengths, seed)
    memory = model(whole)
    assert memory.states.shape == (len(lengths), max(lengths), model.output_dim)
    for i, length in enumerate(lengths):
        alone = model(row(whole, i))
        torch.testing.assert_close(memory.states[i : i + 1, :length], alone.states)
        torch.testing.assert_close(memory.summary[i : i + 1], alone.summary)


def test_a_window_of_two_is_its_two_tokens():
    model, whole = encoder(widths=[2]), batch([3])
    linear, vectors = model.windows[0].filters, model.embed(whole.tokens)[0]
    one, other = linear.weight.chunk(2, 1)
    pairs = [one @ vectors[i] + other @ vectors[i + 1] + linear.bias for i in (0, 1)]
    last = one @ vectors[2] + linear.bias
    expected = torch.relu(torch.stack([*pairs, last]))
    torch.testing.assert_close(model(whole).states[0], expected)


def test_impossible_widths_are_refused():
    for widths in ([], [0, 2]):
        with pytest.raises(UserError, match="widths must be"):
            encoder(widths=widths)
