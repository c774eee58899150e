"""One training over several processes, started by torchrun."""

from __future__ import annotations

import os

import torch
import torch.distributed as dist
from torch import Tensor


class World:
    """The processes that train together; alone it costs nothing.

    Every process reads its shard of the batches, sums its gradients with the others' and makes
    the same update, so weights stay equal without being sent (data parallelism).

    Attributes:
        rank: number of this process, from 0.
        size: number of processes.
    """

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.size > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")

    @torch.no_grad()
    def sum_gradients(self, parameters: list[Tensor]) -> None:
        """Add up the gradients of all processes, as one flat message."""
        if self.size == 1:
            return
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        flat = torch.cat([g.reshape(-1) for g in gradients])
        dist.all_reduce(flat)
        parts = torch.split(flat, [g.numel() for g in gradients])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter)

    def sum(self, values: Tensor) -> Tensor:
        """Add up ``values`` over the processes."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def barrier(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            dist.barrier()

    def close(self) -> None:
        """Leave the group."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()
