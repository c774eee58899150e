"""Attention of one's own in a graph: torch follows what it does."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Any

import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from seqgen.export.follow import Free, follow
from seqgen.export.graph import Graph
from seqgen.model.attention import Attention, Prepared
from seqgen.model.decoder import Decoder
from seqgen.model.memory import Memory


@dataclass(frozen=True)
class OwnAttention:
    """An attention that is not seqgen's, and what it keeps of an input.

    Attributes:
        module: it.
        name: as settings have it.
        query_dim: H.
        memory: of two inputs, one of them padded, for torch to follow.
        prepared: what the module makes of it.
        shapes: of each tensor in ``prepared``, by name, with names for the sizes that are free.
    """

    module: nn.Module
    name: str
    query_dim: int
    memory: Memory
    prepared: Prepared
    shapes: dict[str, list[int | str]]

    def kinds(self) -> dict[str, int]:
        """The type of each tensor that is kept, as a graph has it."""
        kept = self.prepared.tensors().items()
        return {name: helper.np_dtype_to_tensor_dtype(part.numpy().dtype) for name, part in kept}

    def write_prepare(self, graph: Graph, states: str, mask: str, summary: str) -> None:
        """What is kept of ``states`` [B, S, D], ``mask`` [B, S], ``summary`` [B, D] comes out."""
        memory = self.memory
        given = {"states": memory.states, "mask": memory.mask, "summary": memory.summary}
        free = {"states": {0: "b", 1: "s"}, "mask": {0: "b", 1: "s"}, "summary": {0: "b"}}
        model = self._follow(_Prepare(self.module), given, free)
        kept = graph.include(model, {"states": states, "mask": mask, "summary": summary})
        for (name, kind), part in zip(self.kinds().items(), kept, strict=True):
            graph.output(name, part, kind, self.shapes[name])

    def write_inputs(self, graph: Graph) -> list[str]:
        """What is kept goes in."""
        return [graph.input(name, kind, self.shapes[name]) for name, kind in self.kinds().items()]

    def write_look(self, graph: Graph, queries: str) -> list[str]:
        """Contexts [B, K, D] and weights [B, K, S] of ``queries`` [B, K, H], and inputs."""
        count = 2 * 3 * self.query_dim
        given = {"queries": torch.linspace(-1, 1, count).view(2, 3, -1), **self.prepared.tensors()}
        free = {"queries": {0: "b", 1: "k"}, **free_sizes(self.shapes)}
        model = self._follow(_Look(self.module, self.prepared), given, free)
        return graph.include(model, {"queries": queries, **{name: name for name in self.shapes}})

    def _follow(self, module: nn.Module, given: dict[str, Tensor], free: Free) -> Any:
        file = io.BytesIO()
        follow(module, given, free, file, f"attention '{self.name}'")
        return onnx.load_model_from_string(file.getvalue())


def is_own(attention: Any) -> bool:
    """Whether it is an attention, and not seqgen's."""
    return attention is not None and type(attention) is not Attention


def own_attention(decoder: Decoder) -> OwnAttention | None:
    """The attention of ``decoder``, if it has one that is not seqgen's."""
    module, config = decoder.attention, decoder.config
    if not is_own(module):
        return None
    width = decoder.readout.in_features - config.hidden_dim
    memory, longer = _memory(3, width), _memory(4, width)
    with torch.no_grad():
        prepared, other = module.prepare(memory), module.prepare(longer).tensors()
    shapes: dict[str, list[int | str]] = {}
    for name, part in prepared.tensors().items():
        sizes = zip(part.shape[1:], other[name].shape[1:], strict=True)
        shapes[name] = ["b", *(one if one == two else "s" for one, two in sizes)]
    return OwnAttention(module, config.attention, config.hidden_dim, memory, prepared, shapes)


def free_sizes(shapes: dict[str, list[int | str]]) -> Free:
    """The names in ``shapes``, by their places."""
    return {
        name: {place: size for place, size in enumerate(shape) if isinstance(size, str)}
        for name, shape in shapes.items()
    }


def _memory(length: int, width: int) -> Memory:
    states = torch.linspace(-1, 1, 2 * length * width).view(2, length, width)
    mask = torch.ones(2, length, dtype=torch.bool)
    mask[1, 1:] = False
    return Memory(states.masked_fill(~mask[..., None], 0.0), mask, states[:, 0])


class _Prepare(nn.Module):
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, states: Tensor, mask: Tensor, summary: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.module.prepare(Memory(states, mask, summary)).tensors().values())


class _Look(nn.Module):
    def __init__(self, module: Any, prepared: Prepared) -> None:
        super().__init__()
        self.module, self.prepared = module, prepared

    def forward(self, queries: Tensor, *parts: Tensor) -> Any:
        given = dict(zip(self.prepared.tensors(), parts, strict=True))
        return self.module(queries, replace(self.prepared, **given))
