import pytest
import torch
from torch.nn import functional as F

from seqgen.training.loss import CHUNK, output_loss


def example(dtype, rows=2 * CHUNK + 37, width=24, vocab=61):
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(rows, width, generator=generator, dtype=dtype)
    weight = torch.randn(vocab, width, generator=generator, dtype=dtype) * 0.4
    bias = torch.randn(vocab, generator=generator, dtype=dtype)
    targets = torch.randint(0, vocab, (rows,), generator=generator)
    return [t.requires_grad_() for t in (hidden[None], weight, bias)], targets[None]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
def test_equals_torchs_cross_entropy_with_its_gradients(dtype, tolerance, smoothing):
    tensors, targets = example(dtype)
    logits = F.linear(*tensors)[0]
    expected = F.cross_entropy(logits, targets[0], label_smoothing=smoothing, reduction="sum")
    loss, nats = output_loss(*tensors, targets, smoothing)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=0)
    plain = F.cross_entropy(logits, targets[0], reduction="sum")
    torch.testing.assert_close(nats, plain.detach(), rtol=1e-5, atol=0)
    wanted = torch.autograd.grad(expected * 0.3, tensors)
    found = torch.autograd.grad(loss * 0.3, tensors)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=tolerance, rtol=tolerance)


def test_bfloat16_products_stay_within_their_rounding():
    tensors, targets = example(torch.float32)
    hidden, weight, bias = tensors
    exact = torch.autograd.grad(output_loss(*tensors, targets, 0.1)[0], tensors)
    rough = torch.autograd.grad(
        output_loss(hidden.bfloat16(), weight, bias, targets, 0.1)[0], tensors
    )
    for one, other in zip(rough, exact, strict=True):
        assert ((one - other).norm() / other.norm()).item() < 0.02


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("consistency", [0.0, 3.0])
def test_two_readings_are_averaged_and_held_together(smoothing, consistency):
    (hidden, weight, bias), targets = example(torch.float64)
    other = (hidden.detach() + torch.randn(hidden.shape, dtype=hidden.dtype)).requires_grad_()
    both, targets = torch.cat([hidden, other]), targets.repeat(2, 1)
    logits = F.linear(both, weight, bias)
    entropy = F.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), label_smoothing=smoothing, reduction="sum"
    )
    p, q = torch.log_softmax(logits, -1)
    apart = (
        F.kl_div(q, p, log_target=True, reduction="sum")
        + F.kl_div(p, q, log_target=True, reduction="sum")
    ) / 2
    expected = (entropy + consistency * apart) / 2
    loss, nats = output_loss(both, weight, bias, targets, smoothing, consistency)
    torch.testing.assert_close(loss, expected)
    assert nats.item() == pytest.approx(
        F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum").item() / 2
    )
    tensors = (hidden, other, weight, bias)
    wanted = torch.autograd.grad(expected * 0.3, tensors)
    for one, two in zip(torch.autograd.grad(loss * 0.3, tensors), wanted, strict=True):
        torch.testing.assert_close(one, two, atol=1e-10, rtol=1e-10)


def test_weights_count_positions_with_either_sign():
    tensors, targets = example(torch.float64)
    weights = torch.randn(targets.shape, dtype=torch.float64)
    each = F.cross_entropy(F.linear(*tensors)[0], targets[0], reduction="none")
    expected = (each * weights[0]).sum()
    loss, _ = output_loss(*tensors, targets, weights=weights)
    torch.testing.assert_close(loss, expected)
    wanted = torch.autograd.grad(expected, tensors)
    for one, other in zip(torch.autograd.grad(loss, tensors), wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=1e-10)
