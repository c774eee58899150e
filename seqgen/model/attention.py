"""Attention of a decoder over a memory; its keys are computed once per input."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from seqgen.errors import UserError
from seqgen.model.linear import Linear
from seqgen.model.memory import Memory
from seqgen.parts import make
from seqgen.sources import trace

Kind = Literal["dot", "general", "mlp"]
KINDS: tuple[str, ...] = get_args(Kind)


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

    def tensors(self) -> dict[str, Tensor]:
        """All tensors, by name: those above, and what a derived class has besides."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Tensor)}

    def select(self, rows: Tensor) -> Prepared:
        """The inputs ``rows`` [M] int64, in that order."""
        chosen = {name: part.index_select(0, rows) for name, part in self.tensors().items()}
        return replace(self, **chosen)


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
        self.key = None if kind == "dot" else Linear(memory_dim, query_dim, bias=False)
        self.query = Linear(query_dim, query_dim) if kind == "mlp" else None
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
            scores = torch.bmm(queries * self.scale, prepared.keys.transpose(1, 2))
        else:
            # tanh(x) = 1 - 2 sigmoid(-2x): as quick as torch is, and a softmax needs no constant
            queries, keys = self.query(queries) * -2, prepared.keys * -2
            mixed = torch.sigmoid(queries[:, :, None] + keys[:, None])  # [B, K, S, H]
            scores = self.energy(mixed).squeeze(-1) * -2
        weights = torch.softmax(scores + prepared.bias, -1)
        return torch.bmm(weights.to(prepared.values.dtype), prepared.values), weights


def make_attention(kind: str, options: dict[str, Any], query_dim: int, memory_dim: int) -> Any:
    """An ``Attention`` of that kind, or one of the user's own, which behaves like it.

    One of one's own is a module with ``prepare`` and ``forward`` as ``Attention`` has them. What
    it prepares is a ``Prepared``; with more to keep of an input, a dataclass derived from that,
    whose tensors have an input to a row, too.

    Args:
        kind: of ``KINDS``, or a spec (see ``seqgen.plugins``).
        options: keyword arguments of one's own; it gets ``query_dim`` and ``memory_dim`` too.
        query_dim: H, width of a query.
        memory_dim: D, width of a state.

    Raises:
        UserError: it cannot be made, or does not do what an attention does.
    """
    if kind in KINDS:
        if options:
            raise UserError("has no options", f"attention '{kind}'")
        return Attention(query_dim, memory_dim, kind)  # type: ignore[arg-type]
    own = make("attention", kind, options, query_dim=query_dim, memory_dim=memory_dim)
    where = f"attention '{kind}'"
    if not isinstance(own, nn.Module):
        raise UserError("is no torch module", where, "derive it from torch.nn.Module")
    trace(kind, type(own))  # its source as it is now
    mode = own.training
    with torch.no_grad():
        _try(own.eval(), query_dim, memory_dim, where)
    return own.train(mode)


def _try(own: Any, query_dim: int, memory_dim: int, where: str) -> None:
    """Let an attention look at two small memories, one of them padded."""
    states = torch.linspace(-1.0, 1.0, 2 * 3 * memory_dim).view(2, 3, memory_dim)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    prepared = own.prepare(Memory(states, mask, states.mean(1)))
    if not isinstance(prepared, Prepared):
        raise UserError(f"prepares {type(prepared).__name__}", where, "return a Prepared")
    queries = torch.linspace(-1.0, 1.0, 2 * query_dim).view(2, 1, query_dim)
    contexts, weights = own(queries, prepared.select(torch.tensor([0, 1])))
    for name, tensor, shape in (
        ("contexts", contexts, (2, 1, memory_dim)),
        ("weights", weights, (2, 1, 3)),
    ):
        if tuple(tensor.shape) != shape:
            found, wanted = list(tensor.shape), list(shape)
            raise UserError(f"{name} are {found} where {wanted} is expected", where)
    if weights.min() < 0 or not torch.allclose(weights.sum(-1), torch.ones(2, 1), atol=1e-4):
        raise UserError("its weights are no distribution: they must sum to 1", where)
    if bool(weights[1, 0, 1:].any()):
        raise UserError("looks at padding", where, "give positions where the mask is False 0")
