import torch
from models import VOCAB, small
from torch import nn

from seqgen.training.precision import choose_precision, matmul_rate, train_flops


def test_a_type_asked_for_is_taken_and_measured():
    dtype, rate, why = choose_precision("bfloat16")
    assert dtype == torch.bfloat16
    assert rate > 0
    assert "bfloat16, as asked" in why


def test_the_automatic_choice_is_one_of_two_and_says_both_rates():
    dtype, rate, why = choose_precision("auto")
    assert dtype in (torch.float32, torch.bfloat16)
    assert f"{rate:.0f}" in why and "in bfloat16" in why and "in float32" in why


def test_rates_are_positive():
    assert matmul_rate(torch.float32, seconds=0.01, size=64) > 0


def test_flops_count_products_and_no_look_up():
    assert train_flops(nn.Linear(3, 5)) == 6 * 15
    assert train_flops(nn.Embedding(3, 5)) == 0
    model = small(embedding_dim=8, hidden_dim=12, layers=1, attention="none")
    lstm = 4 * 12 * (8 + 12)
    others = 12 * 2 * 12 + 12 * 8 + 8 * VOCAB  # first state, readout, output
    assert train_flops(model.decoder) == 6 * (lstm + others)
