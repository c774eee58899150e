"""The output layer and its loss together, a chunk of positions at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CHUNK = 128  # positions; their logits over 8,000 tokens then stay in the second-level caches


class _OutputLoss(torch.autograd.Function):
    """The gradients are made with the loss, so nothing of size [M, V] outlives a chunk."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        smoothing: float,
        consistency: float,
        weights: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        low, low_bias = weight.to(hidden.dtype), bias.to(hidden.dtype)
        wide = torch.promote_types(hidden.dtype, torch.float32)
        d_hidden = torch.empty_like(hidden)
        d_weight, d_bias = torch.zeros_like(weight), torch.zeros_like(bias)
        exact, normalizer, distance = torch.zeros(3, dtype=wide, device=hidden.device)
        for begin in range(0, targets.shape[1], CHUNK // len(targets)):
            part = (slice(None), slice(begin, begin + CHUNK // len(targets)))
            read, target = hidden[part].flatten(0, 1), targets[part].reshape(-1, 1)
            logits = torch.addmm(low_bias, read, low.mT)
            log_probs = torch.log_softmax(logits, -1, dtype=wide)
            chosen = log_probs.gather(1, target)
            share = 1.0 if weights is None else weights[part].reshape(-1, 1)
            exact -= (chosen * share).sum()
            normalizer += (logits.gather(1, target) - chosen).sum()
            gradient = log_probs.exp().to(hidden.dtype)
            if consistency:
                apart, gradient = _hold_together(log_probs, gradient, consistency)
                distance += apart
            gradient.scatter_add_(1, target, gradient.new_full(target.shape, smoothing - 1.0))
            if weights is not None:
                gradient.mul_(share)
            d_hidden[part] = torch.mm(gradient, low).view(hidden[part].shape)
            d_weight += torch.mm(gradient.mT, read)
            d_bias += gradient.sum(0, dtype=wide)
        # The uniform share of label smoothing is linear in the logits, so all of it, loss and
        # gradients, follows from means over the vocabulary.
        mean, even = weight.mean(0), smoothing / weight.shape[0]
        total, count = hidden.sum((0, 1), dtype=wide), targets.numel()
        uniform = normalizer - total @ mean.to(wide) - count * bias.mean()
        d_hidden.sub_((smoothing * mean).to(hidden.dtype))
        d_weight.sub_((even * total).to(weight.dtype))
        d_bias.sub_(even * count)
        ctx.save_for_backward(d_hidden, d_weight, d_bias)
        ctx.mark_non_differentiable(exact)
        loss = (1.0 - smoothing) * exact + smoothing * uniform + consistency * distance
        return loss / len(targets), exact / len(targets)

    @staticmethod
    def backward(ctx: Any, scale: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        d_hidden, d_weight, d_bias = ctx.saved_tensors
        scale = scale / len(d_hidden)
        d_hidden = d_hidden * scale.to(d_hidden.dtype)
        return d_hidden, d_weight * scale, d_bias * scale, None, None, None, None


def _hold_together(log_probs: Tensor, probs: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    """How far two readings of the same positions are apart, and the gradient of that.

    With p, q the readings, F = KL(p || q) and G = KL(q || p), the distance is (F + G) / 2 and
    its gradient on p's logits (p * (log(p / q) + 1 - F) - q) / 2; for q the other way round.

    Args:
        log_probs: [2 * m, V], first all of one reading, then all of the other; overwritten.
        probs: their exponentials, in the type that the gradient is to have.
        weight: of the distance.

    Returns:
        The distance, summed over positions, and ``probs`` + ``weight`` * its gradient: the
        gradient [2 * m, V] on the logits of it and of the normalizer.
    """
    one, other = log_probs.chunk(2)
    ratio = one.sub_(other).to(probs.dtype)
    p, q = probs.chunk(2)
    forward = torch.linalg.vecdot(p, ratio)[:, None]
    backward = -torch.linalg.vecdot(q, ratio)[:, None]
    half = 0.5 * weight
    result = torch.empty_like(probs)
    mine, theirs = result.chunk(2)
    torch.add(half * (1.0 - backward) + 1.0, ratio, alpha=-half, out=theirs)
    theirs.mul_(q).sub_(p, alpha=half)
    torch.add(half * (1.0 - forward) + 1.0, ratio, alpha=half, out=mine)
    mine.mul_(p).sub_(q, alpha=half)
    return 0.5 * (forward.sum(dtype=log_probs.dtype) + backward.sum(dtype=log_probs.dtype)), result


def output_loss(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    smoothing: float = 0.0,
    consistency: float = 0.0,
    weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of ``softmax(hidden @ weight.T + bias)``, summed over positions.

    With label smoothing (Szegedy et al. 2016) the target distribution has ``1 - smoothing``
    on the target and ``smoothing`` spread evenly over all V tokens. The products run in the
    type of ``hidden`` (float32 or bfloat16), sums in float32.

    Of R readings of the same positions, which dropout made differ, it is the mean. Two can be
    held together (R-Drop, Wu et al. 2021): ``consistency`` times the mean of the divergences
    KL(p || q) and KL(q || p) of their distributions is added to the sum of their losses, and
    the whole halved.

    Args:
        hidden: [R, M, E], readouts of the positions that count.
        weight: [V, E].
        bias: [V].
        targets: [R, M] int64.
        smoothing: the smoothed share, in [0, 1).
        consistency: alpha of R-Drop; above 0 with R = 2.
        weights: [R, M], by which each position counts, of either sign; 1 where left out. They
            go with neither smoothing nor consistency.

    Returns:
        The loss to minimise, and the plain negative log-likelihood in nats (no gradient).
    """
    loss: Tensor
    exact: Tensor
    loss, exact = _OutputLoss.apply(hidden, weight, bias, targets, smoothing, consistency, weights)
    return loss, exact
