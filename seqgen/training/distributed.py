"""One training over several processes, started by torchrun."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from seqgen.errors import UserError

_PATIENCE = timedelta(days=1)  # of those who wait while the first process validates


class World:
    """The processes that train together; alone it costs nothing.

    Every process reads its shard of the batches, sums its gradients with the others' and makes
    the same update, so weights stay equal without being sent (data parallelism).

    Every method raises a ``UserError`` where another process has ended: a killed one closes its
    connections, so that is found out at once.

    Attributes:
        rank: number of this process, from 0.
        size: number of processes.
    """

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.size > 1 and not dist.is_initialized():
            with _others_alive():
                backend = "nccl" if torch.cuda.is_available() else "gloo"
                dist.init_process_group(backend, timeout=_PATIENCE)

    @torch.no_grad()
    def sum_gradients(self, parameters: list[Tensor]) -> None:
        """Add up the gradients of all processes, as one flat message."""
        if self.size == 1:
            return
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        flat = torch.cat([g.reshape(-1) for g in gradients])
        with _others_alive():
            dist.all_reduce(flat)
        parts = torch.split(flat, [g.numel() for g in gradients])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter)

    def sum(self, values: Tensor) -> Tensor:
        """Add up ``values`` over the processes."""
        if self.size > 1:
            with _others_alive():
                dist.all_reduce(values)
        return values

    def barrier(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            with _others_alive():
                dist.barrier()

    def close(self) -> None:
        """Leave the group."""
        if self.size > 1 and dist.is_initialized():
            dist.destroy_process_group()


@contextmanager
def _others_alive() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # so the libraries below speak of closed connections
        raise UserError(
            "another process of this training has ended",
            fix="see what it said; the last checkpoint is kept, go on with --resume",
        ) from error
