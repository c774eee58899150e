import pytest
import torch
from models import VOCAB, batch, small
from torch.nn import functional as F

from seqgen.text import BOS, EOS
from seqgen.training.targets import Objective, make_targets, mixed_inputs, target_loss

ROWS = [[7, 8, 9], [10], [5, 6, 7, 8, 9]]


def test_rows_begin_with_bos_and_end_with_eos():
    targets = make_targets(ROWS)
    assert targets.count == 12
    assert targets.outputs.tolist() == [[7, 8, 9, EOS, 10, EOS, 5, 6, 7, 8, 9, EOS]]
    for row, inputs in zip(ROWS, targets.inputs.tolist(), strict=True):
        assert inputs[: len(row) + 1] == [BOS, *row]
    assert targets.positions.tolist() == [0, 1, 2, 3, 6, 7, 12, 13, 14, 15, 16, 17]


def test_the_loss_is_torchs_on_the_logits_of_the_whole_model():
    model, source, targets = small(), batch([4, 2, 3]), make_targets(ROWS)
    logits = model(source, targets.inputs).flatten(0, 1)[targets.positions]
    loss, nats = target_loss(model, model.encode(source), targets, Objective(0.1))
    expected = F.cross_entropy(logits, targets.outputs[0], label_smoothing=0.1, reduction="sum")
    torch.testing.assert_close(loss, expected)
    assert nats.item() == pytest.approx(
        F.cross_entropy(logits, targets.outputs[0], reduction="sum").item()
    )


def test_two_equal_readings_are_one():
    """Without dropout two readings agree, so nothing holds them apart or together."""
    model, rows = small(), torch.arange(3)
    memory = model.encode(batch([4, 2, 3]))
    alone, _ = target_loss(model, memory, make_targets(ROWS), Objective(0.1))
    twice = memory.select(torch.cat([rows, rows]))
    both, _ = target_loss(model, twice, make_targets(ROWS * 2, 2), Objective(0.1, consistency=5.0))
    torch.testing.assert_close(alone, both)


def test_scheduled_sampling_gives_the_decoder_its_own_guesses():
    model, targets = small(), make_targets(ROWS)
    memory = model.encode(batch([4, 2, 3]))
    guesses = model.decoder(memory, targets.inputs).argmax(-1)
    all_replaced = mixed_inputs(model.decoder, memory, targets, 1.0)
    assert all_replaced[:, 0].tolist() == [BOS] * 3
    for i, row in enumerate(ROWS):
        assert torch.equal(all_replaced[i, 1 : len(row) + 1], guesses[i, : len(row)])
    torch.manual_seed(0)
    many = make_targets([[VOCAB - 1] * 400])
    some = mixed_inputs(model.decoder, memory.select(torch.tensor([0])), many, 0.25)
    wrong = model.decoder(memory.select(torch.tensor([0])), many.inputs).argmax(-1) != VOCAB - 1
    replaced = (some != many.inputs)[0, 1:].sum() / wrong[0, :-1].sum()
    assert 0.15 < replaced.item() < 0.35


def test_no_gradient_flows_through_the_guesses():
    model = small()
    memory = model.encode(batch([4, 2, 3]))
    assert not mixed_inputs(model.decoder, memory, make_targets(ROWS), 0.5).requires_grad
