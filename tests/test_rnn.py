import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import VOCAB, batch, row

from seqgen.model.rnn import LockedDropout, RNNEncoder, RNNLayer, reorder, reversal

CELLS = ("lstm", "gru", "rnn")


def encoder(**options):
    torch.manual_seed(3)
    return RNNEncoder(VOCAB, 8, 6, dropout=0.5, **options).double().eval()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [True, False])
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5))
@settings(max_examples=10, deadline=None)
def test_a_batch_gives_what_singles_give(cell, bidirectional, lengths):
    model = encoder(cell=cell, layers=2, bidirectional=bidirectional)
    whole = batch(lengths)
    memory = model(whole)
    assert memory.states.shape == (len(lengths), max(lengths), model.output_dim)
    for i, length in enumerate(lengths):
        alone = model(row(whole, i))
        torch.testing.assert_close(memory.states[i, :length], alone.states[0])
        torch.testing.assert_close(memory.summary[i], alone.summary[0])
        torch.testing.assert_close(alone.summary[0], alone.states[0].mean(0))


def test_both_directions_equal_torchs_packed_bidirectional_layer():
    """The oracle is torch's own packed sequence, another path through its code."""
    model = encoder()
    lengths = [7, 2, 5]
    whole = batch(lengths)
    oracle = torch.nn.LSTM(8, 6, batch_first=True, bidirectional=True).double()
    for name, value in model.ahead[0].layer.named_parameters():
        getattr(oracle, name).data.copy_(value)
    for name, value in model.back[0].layer.named_parameters():
        getattr(oracle, f"{name}_reverse").data.copy_(value)
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        model.embed(whole.tokens), lengths, batch_first=True, enforce_sorted=False
    )
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(oracle(packed)[0], batch_first=True)
    torch.testing.assert_close(model(whole).states, expected)


@pytest.mark.parametrize("cell", CELLS)
def test_steps_equal_the_fused_call(cell):
    layer = RNNLayer(5, 4, cell).double()
    sequence = torch.randn(3, 7, 5, dtype=torch.float64)
    state = tuple(torch.randn_like(part) for part in layer.zero_state(3, sequence))
    whole = layer(sequence, state)
    for time in range(7):
        state = layer.step(sequence[:, time], state)
        torch.testing.assert_close(state[0], whole[:, time])


@given(lengths=st.lists(st.integers(1, 8), min_size=1, max_size=5))
@settings(max_examples=25, deadline=None)
def test_reversal_is_its_own_inverse_and_mirrors_each_row(lengths):
    mask = batch(lengths).mask
    sequence = torch.randn(*mask.shape, 2, dtype=torch.float64, requires_grad=True)
    order = reversal(mask)
    mirrored = reorder(sequence, order)
    assert torch.equal(reorder(mirrored, order), sequence)
    for i, length in enumerate(lengths):
        assert torch.equal(mirrored[i, :length], sequence[i, :length].flip(0))
        assert torch.equal(mirrored[i, length:], sequence[i, length:])
    weights = torch.randn_like(sequence)
    (gradient,) = torch.autograd.grad((mirrored * weights).sum(), sequence)
    assert torch.equal(gradient, reorder(weights, order))


def test_skip_puts_each_embedding_beside_its_state():
    skipping, text = encoder(skip=True), batch([5, 2])
    states = skipping(text).states
    assert skipping.output_dim == states.shape[-1] == 12 + 8
    assert torch.equal(states[..., 12:], skipping.embed(text.tokens) * text.mask[..., None])
    skipping.skip = False
    assert torch.equal(states[..., :12], skipping(text).states)


def test_locked_dropout_drops_the_same_features_at_every_time_and_keeps_the_mean():
    torch.manual_seed(0)
    dropout = LockedDropout(0.4)
    dropped = dropout(torch.ones(50, 6, 40))
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / 0.6])
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.05)
    assert torch.equal(dropout.eval()(torch.ones(2, 3, 4)), torch.ones(2, 3, 4))


@pytest.mark.parametrize("cell", CELLS)
def test_windows_in_carried_states_equal_the_whole(cell):
    layer = RNNLayer(5, 4, cell).double()
    sequence = torch.randn(3, 9, 5, dtype=torch.float64)
    state, parts = layer.zero_state(3, sequence), []
    for window in sequence.split(4, 1):
        part, state = layer.run(window, state)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, 1), layer(sequence))
    assert len(state) == layer.state_count
    torch.testing.assert_close(state[0], parts[-1][:, -1])


@pytest.mark.parametrize("cell", CELLS)
def test_weight_dropout_is_the_layer_with_some_weights_across_time_gone(cell):
    layer = RNNLayer(5, 4, cell, weight_dropout=0.4).double()
    sequence = torch.randn(3, 6, 5, dtype=torch.float64)
    begin = tuple(torch.randn_like(part) for part in layer.zero_state(3, sequence))
    torch.manual_seed(5)
    dropped, state = layer.run(sequence, begin)
    (gradient,) = torch.autograd.grad(dropped.sum(), layer.layer.weight_hh_l0)
    torch.manual_seed(5)
    across = torch.nn.functional.dropout(layer.layer.weight_hh_l0, 0.4)
    assert torch.equal(gradient == 0, across == 0) and 0 < (across == 0).sum() < across.numel()
    whole = layer.eval().run(sequence, begin)[0]
    assert not torch.allclose(whole, dropped)
    layer.layer.weight_hh_l0.data.copy_(across)
    torch.testing.assert_close(layer.run(sequence, begin), (dropped, state))


def test_where_the_processor_has_no_lstm_in_bfloat16_float32_takes_over(monkeypatch):
    layer, sequence = RNNLayer(5, 4), torch.randn(2, 3, 5)
    expected = layer(sequence)
    monkeypatch.setattr("seqgen.model.rnn._autocast_has_lstm", lambda: False)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(sequence)
    assert torch.equal(found, expected)
