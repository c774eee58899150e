"""The output layer and its loss together, a chunk of positions at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CHUNK = 256  # positions; their logits over 8,000 tokens then stay in the last-level cache


class _OutputLoss(torch.autograd.Function):
    """The gradients are made with the loss, so nothing of size [M, V] outlives a chunk."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, smoothing: float
    ) -> tuple[Tensor, Tensor]:
        low, low_bias = weight.to(hidden.dtype), bias.to(hidden.dtype)
        wide = torch.promote_types(hidden.dtype, torch.float32)
        d_hidden = torch.empty_like(hidden)
        d_weight = torch.zeros_like(weight)
        d_bias = torch.zeros_like(bias)
        exact = torch.zeros((), dtype=wide, device=hidden.device)
        normalizer = torch.zeros((), dtype=wide, device=hidden.device)
        for begin in range(0, hidden.shape[0], CHUNK):
            part = slice(begin, begin + CHUNK)
            read, target = hidden[part], targets[part, None]
            logits = torch.addmm(low_bias, read, low.mT)
            chosen = torch.log_softmax(logits, -1, dtype=wide).gather(1, target)
            exact -= chosen.sum()
            normalizer += (logits.gather(1, target) - chosen).sum()
            gradient = torch.softmax(logits, -1)
            gradient.scatter_add_(1, target, gradient.new_full(target.shape, smoothing - 1.0))
            torch.mm(gradient, low, out=d_hidden[part])
            d_weight += torch.mm(gradient.mT, read)
            d_bias += torch.mv(gradient.mT, gradient.new_ones(gradient.shape[0]))
        # The uniform share of label smoothing is linear in the logits, so all of it, loss and
        # gradients, follows from means over the vocabulary.
        mean, share = weight.mean(0), smoothing / weight.shape[0]
        total = hidden.sum(0, dtype=wide)
        uniform = normalizer - total @ mean.to(wide) - hidden.shape[0] * bias.mean()
        d_hidden.sub_((smoothing * mean).to(hidden.dtype))
        d_weight.sub_((share * total).to(weight.dtype))
        d_bias.sub_(share * hidden.shape[0])
        ctx.save_for_backward(d_hidden, d_weight, d_bias)
        ctx.mark_non_differentiable(exact)
        return (1.0 - smoothing) * exact + smoothing * uniform, exact

    @staticmethod
    def backward(ctx: Any, scale: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        d_hidden, d_weight, d_bias = ctx.saved_tensors
        return d_hidden * scale.to(d_hidden.dtype), d_weight * scale, d_bias * scale, None, None


def output_loss(
    hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, smoothing: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of ``softmax(hidden @ weight.T + bias)``, summed over positions.

    With label smoothing (Szegedy et al. 2016) the target distribution has ``1 - smoothing``
    on the target and ``smoothing`` spread evenly over all V tokens. The products run in the
    type of ``hidden`` (float32 or bfloat16), sums in float32.

    Args:
        hidden: [M, E], readouts of the positions that count.
        weight: [V, E].
        bias: [V].
        targets: [M] int64.
        smoothing: the smoothed share, in [0, 1).

    Returns:
        The loss to minimise, and the plain negative log-likelihood in nats (no gradient).
    """
    loss: Tensor
    exact: Tensor
    loss, exact = _OutputLoss.apply(hidden, weight, bias, targets, smoothing)
    return loss, exact
