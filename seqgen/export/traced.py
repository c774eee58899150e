"""Models as graphs whatever they are made of: torch follows what they do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seqgen.conformance.batches import changed, padded, tensors
from seqgen.export.follow import Free, follow
from seqgen.export.own import free_sizes, is_own, own_attention
from seqgen.model.build import Seq2Seq
from seqgen.model.heads import Labeller
from seqgen.model.memory import ImageBatch, TextBatch, ValueBatch, WordBatch
from seqgen.text import PAD


@dataclass(frozen=True)
class Reading:
    """What an encoder reads, for torch to follow.

    Attributes:
        inputs: some, by the names that the runtime gives them.
        free: which of their sizes are not fixed.
        batch: makes a batch of such tensors, in their order.
    """

    inputs: dict[str, Tensor]
    free: Free
    batch: Callable[..., Any]


def _mask(tokens: Tensor, lengths: Tensor) -> Tensor:
    return torch.arange(tokens.shape[1]) < lengths[:, None]


def _sentences() -> dict[str, Tensor]:
    lengths = torch.tensor([5, 3], dtype=torch.int32)
    return {"tokens": torch.full((2, 5), 4), "lengths": lengths}


TEXT = Reading(
    _sentences(),
    {"tokens": {0: "b", 1: "s"}, "lengths": {0: "b"}},
    lambda tokens, lengths: TextBatch(tokens, _mask(tokens, lengths)),
)
WORDS = Reading(
    {**_sentences(), "spelled": torch.tensor([[0, 1, 2, 1, 0], [2, 1, 0, 0, 0]]),
     "spellings": torch.tensor([[4, 4, 4, 4], [4, 4, 4, PAD], [4, PAD, PAD, PAD]])},
    {**TEXT.free, "spelled": {0: "b", 1: "s"}, "spellings": {0: "u", 1: "c"}},
    lambda tokens, lengths, spelled, spellings: WordBatch(
        tokens, _mask(tokens, lengths), spelled, TextBatch(spellings, spellings != PAD)
    ),
)  # fmt: skip
VALUE = Reading({"numbers": torch.zeros(2, dtype=torch.int64)}, {"numbers": {0: "b"}}, ValueBatch)


def reading_of(example: Any) -> Reading:
    """What an encoder of any batches reads, by an example of one, as ``seqgen check`` takes it."""
    inputs, longer = dict(arguments(example)), dict(arguments(padded(example, 1)))
    free: Free = {
        name: {0: "b"} if tensor.shape == longer[name].shape else {0: "b", 1: "s"}
        for name, tensor in inputs.items()
    }

    def batch(*given: Tensor) -> Any:
        parts = iter(given)
        return changed(example, lambda _: next(parts))

    return Reading(inputs, free, batch)


def arguments(batch: Any) -> Iterator[tuple[str, Tensor]]:
    """The tensors of ``batch``, each with the name that it has in a graph."""
    return ((name or "inputs", tensor) for name, tensor in tensors(batch))


def pictures(size: int) -> Reading:
    """Images of ``size`` by ``size`` pixels."""
    return Reading({"pixels": torch.rand(2, 3, size, size)}, {"pixels": {0: "b"}}, ImageBatch)


class _Start(nn.Module):
    """From inputs to the state before the first token: what the runtime keeps of an input."""

    def __init__(self, model: Seq2Seq, batch: Callable[..., Any]) -> None:
        super().__init__()
        self.model, self.batch = model, batch

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The states, and what attention keeps where there is any."""
        memory = self.model.encode(self.batch(*inputs))
        state = self.model.decoder.start(memory, memory.states.shape[0])
        found = [part for cell in state.cells for part in cell]
        attention, prepared = self.model.decoder.attention, state.prepared
        if prepared is None:
            return tuple(found)
        if is_own(attention):
            found += prepared.tensors().values()
        else:
            keys = prepared.keys
            if attention.query is None:
                keys = (keys * attention.scale).transpose(1, 2)
            found += [keys, prepared.values, prepared.bias]
        return tuple(found)


class _Label(nn.Module):
    """From inputs to logits."""

    def __init__(self, model: Labeller, batch: Callable[..., Any]) -> None:
        super().__init__()
        self.model, self.batch = model, batch

    def forward(self, *inputs: Tensor) -> Tensor:
        """Logits [B, L] of a classifier, [B, S, L] of a tagger."""
        logits: Tensor = self.model(self.batch(*inputs))
        return logits


def trace_start(path: Path, model: Seq2Seq, reading: Reading) -> None:
    """Write the graph of an encoder and what the decoder makes of its memory first.

    Args:
        path: of the graph.
        model: whose encoder it is.
        reading: what that reads.

    Raises:
        UserError: torch does not follow the encoder.
    """
    decoder = model.decoder
    attention, own = decoder.attention, own_attention(decoder)
    free: Free = {f"state.{i}": {0: "b"} for i in range(len(decoder.layers) * decoder.parts)}
    if own is not None:
        free |= free_sizes(own.shapes)
    elif attention is not None:
        side = 2 if attention.query is None else 1
        free |= {"keys": {0: "b", side: "s"}, "values": {0: "b", 1: "s"}, "bias": {0: "b", 2: "s"}}
    where = f"encoder '{type(model.encoder).__name__}'"
    follow(_Start(model, reading.batch), reading.inputs, reading.free | free, str(path), where)


def trace_labels(path: Path, model: Labeller, reading: Reading) -> None:
    """Write the graph of a classifier or a tagger.

    Args:
        path: of the graph.
        model: encoder and head.
        reading: what the encoder reads.

    Raises:
        UserError: torch does not follow the encoder.
    """
    free = {"logits": {0: "b", 1: "s"} if reading is WORDS else {0: "b"}}
    where = f"encoder '{type(model.encoder).__name__}'"
    follow(_Label(model, reading.batch), reading.inputs, reading.free | free, str(path), where)
