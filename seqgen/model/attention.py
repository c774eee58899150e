"""Attention of a decoder over a memory; its keys are computed once per input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from seqgen.errors import UserError
from seqgen.model.memory import Memory

Kind = Literal["dot", "general", "mlp", "none"]


@dataclass(frozen=True)
class Prepared:
    """A memory made ready to be attended to.

    Attributes:
        keys: [B, S, H], what queries are compared with.
        values: [B, S, D], what is read out.
        bias: [B, 1, S], 0 where a position is real and -inf where it is padding.
    """

    keys: Tensor
    values: Tensor
    bias: Tensor

    def select(self, rows: Tensor) -> Prepared:
        """The inputs ``rows`` [M] int64, in that order."""
        return Prepared(
            self.keys.index_select(0, rows),
            self.values.index_select(0, rows),
            self.bias.index_select(0, rows),
        )


class Attention(nn.Module):
    """One distribution over the positions of a memory for each query.

    Kinds: ``dot``, q·k / sqrt(H) on the states themselves, and ``general``, the same on
    linearly mapped states (Luong et al. 2015; scaled as in Vaswani et al. 2017); ``mlp``,
    v·tanh(W q + U k) (Bahdanau et al. 2015).

    Args:
        query_dim: H, width of a query.
        memory_dim: D, width of a state.
        kind: ``dot``, ``general`` or ``mlp``.

    Raises:
        UserError: ``dot`` where query and memory differ in width.
    """

    def __init__(self, query_dim: int, memory_dim: int, kind: Kind = "general") -> None:
        super().__init__()
        if kind == "dot" and query_dim != memory_dim:
            raise UserError(
                f"dot attention needs a decoder as wide as its memory, not {query_dim} on"
                f" {memory_dim}",
                fix="use 'general'",
            )
        self.scale = query_dim**-0.5
        self.key = None if kind == "dot" else nn.Linear(memory_dim, query_dim, bias=False)
        self.query = nn.Linear(query_dim, query_dim) if kind == "mlp" else None
        self.energy = nn.Linear(query_dim, 1, bias=False) if kind == "mlp" else None

    def prepare(self, memory: Memory) -> Prepared:
        """Compute the keys of ``memory``, once for all queries to come."""
        keys = memory.states if self.key is None else self.key(memory.states)
        bias = torch.zeros(memory.mask.shape, dtype=keys.dtype, device=keys.device)
        bias = bias.masked_fill_(~memory.mask, float("-inf"))
        return Prepared(keys, memory.states, bias[:, None])

    def forward(self, queries: Tensor, prepared: Prepared) -> tuple[Tensor, Tensor]:
        """Attend with ``queries`` [B, K, H]; K is time in training, hypotheses in a search.

        Returns:
            The contexts [B, K, D] and the weights [B, K, S], which sum to one over S.
        """
        if self.query is None or self.energy is None:
            scores = torch.bmm(queries * self.scale, prepared.keys.mT)
        else:
            mixed = self.query(queries)[:, :, None] + prepared.keys[:, None]  # [B, K, S, H]
            scores = self.energy(torch.tanh(mixed)).squeeze(-1)
        weights = torch.softmax(scores + prepared.bias, -1)
        return torch.bmm(weights.to(prepared.values.dtype), prepared.values), weights
