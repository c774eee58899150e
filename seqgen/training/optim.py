"""Learning rates, the optimizer, and the running average of weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

Kind = Literal["adamw", "sgd"]
Schedule = Literal["cosine", "clock", "inverse_sqrt", "plateau", "constant"]


def learning_rate(
    step: int,
    peak: float,
    schedule: Schedule,
    warmup: int,
    total: int,
    drops: int = 0,
    spent: float = 0.0,
) -> float:
    """The learning rate of update number ``step`` (from 0).

    All schedules rise linearly over ``warmup`` updates. Then ``cosine`` falls to 2 % of the
    peak at ``total`` (Loshchilov & Hutter 2017), ``clock`` as it, but to be there when the
    share ``spent`` of the time allowed is 1, if that comes first; ``inverse_sqrt`` falls as
    1 / sqrt(step) (Vaswani et al. 2017), ``plateau`` is halved ``drops`` times, ``constant``
    stays.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    if schedule in ("cosine", "clock"):
        progress = min(1.0, (step - warmup) / max(1, total - warmup))
        if schedule == "clock":
            progress = min(1.0, max(progress, spent))
        return peak * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * progress)))
    if schedule == "inverse_sqrt":
        return peak * math.sqrt(max(warmup, 1) / (step + 1))
    return peak * 0.5**drops if schedule == "plateau" else peak


def make_optimizer(
    model: nn.Module,
    weight_decay: float,
    tuned: Sequence[nn.Parameter] = (),
    share: float = 1.0,
    kind: Kind = "adamw",
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019) in one fused call, or plain gradient descent.

    Args:
        model: whose parameters are trained.
        weight_decay: on matrices, not on biases; times the learning rate.
        tuned: those that begin with somebody's training; ``set_rate`` gives them a ``share``.
        share: of the learning rate.
        kind: ``adamw``; ``sgd``, whose weights are to be averaged (Polyak & Juditsky 1992).
    """
    slow = {id(p) for p in tuned}
    groups = []
    for among in (False, True):
        some = [p for p in model.parameters() if p.requires_grad and (id(p) in slow) == among]
        scale = share if among else 1.0
        matrices, vectors = ([p for p in some if (p.dim() > 1) == wide] for wide in (True, False))
        groups.append({"params": matrices, "weight_decay": weight_decay, "share": scale})
        groups.append({"params": vectors, "weight_decay": 0.0, "share": scale})
    kept = [group for group in groups if group["params"]]
    if kind == "sgd":
        return torch.optim.SGD(kept, lr=0.0)
    return torch.optim.AdamW(kept, lr=0.0, betas=(0.9, 0.98), eps=1e-9, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of each group to its share of ``rate``."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["share"]


@torch.no_grad()
def scale_and_clip(parameters: Iterable[Tensor], scale: float, max_norm: float) -> Tensor:
    """Multiply gradients by ``scale``, then shrink them to ``max_norm`` if they are longer.

    Both are one pass over the gradients.

    Returns:
        The norm after scaling and before clipping, a scalar.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    norms = torch._foreach_norm(gradients)
    norm: Tensor = torch.linalg.vector_norm(torch.stack(norms)) * scale
    factor = scale * torch.clamp(max_norm / (norm + 1e-6), max=1.0)
    torch._foreach_mul_(gradients, factor)
    return norm


class WeightAverage:
    """An exponential moving average of weights, what is validated and kept (Polyak 1992).

    The decay grows as (1 + n) / (10 + n) until it meets ``decay``, so that early averages
    are not tied to the random start.

    Args:
        model: whose parameters are followed.
        decay: of one update; 0 keeps no average.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.updates = decay, 0
        self.live = list(model.parameters())
        self.mean = [p.detach().clone() for p in self.live] if decay else []

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are now."""
        if self.decay:
            self.updates += 1
            decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
            torch._foreach_lerp_(self.mean, [p.detach() for p in self.live], 1.0 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within this context the model has the averaged weights."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        """Swap the storage of average and live weights; nothing is copied."""
        for i, mean in enumerate(self.mean):
            self.live[i].data, self.mean[i] = mean, self.live[i].data
