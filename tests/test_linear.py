"""Products of float32 without gradients are oneDNN's, and the same."""

import pytest
import torch
from torch.nn import functional as F

from seqgen.model.linear import Linear, linear
from seqgen.model.rnn import RNNLayer


@pytest.mark.parametrize("shape", [(1, 128), (60, 128), (4, 15, 128), (2, 0, 128)])
@pytest.mark.parametrize("bias", [True, False])
def test_it_is_the_product(shape, bias):
    layer = Linear(128, 300, bias=bias)
    inputs = torch.randn(shape)
    plain = F.linear(inputs, layer.weight, layer.bias)
    assert plain.requires_grad
    torch.testing.assert_close(layer(inputs), plain, rtol=0, atol=0)
    with torch.no_grad():
        torch.testing.assert_close(layer(inputs), plain.detach())
    with torch.inference_mode():
        found = layer(inputs)
        assert found.shape == plain.shape
        torch.testing.assert_close(found.clone(), plain.detach())


def test_other_types_stay_what_they_are():
    inputs, weight = torch.randn(200, 100), torch.randn(150, 100)
    with torch.no_grad():
        assert linear(inputs.double(), weight.double(), None).dtype == torch.float64
        assert linear(inputs.bfloat16(), weight.bfloat16(), None).dtype == torch.bfloat16
        with torch.autocast("cpu", torch.bfloat16):
            assert linear(inputs, weight, None).dtype == torch.bfloat16


@pytest.mark.parametrize("rows", [3, 90])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_step_without_gradients_is_one_with_them(dtype, rows):
    layer = RNNLayer(50, 128, "lstm").to(dtype)
    inputs = torch.randn(rows, 50, dtype=dtype) * 3
    state = tuple(torch.randn(2, rows, 128, dtype=dtype))
    taught = layer.step(inputs, state)
    with torch.no_grad():
        for one, other in zip(layer.step(inputs, state), taught, strict=True):
            torch.testing.assert_close(one, other.detach(), rtol=1e-5, atol=1e-6)


def test_a_step_under_autocast():
    inputs, state = torch.randn(9, 6), tuple(torch.randn(2, 9, 5))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert RNNLayer(6, 5, "lstm").step(inputs, state)[0].isfinite().all()
