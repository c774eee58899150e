"""Encoders of any kind as graphs: torch follows what they do."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seqgen.errors import UserError
from seqgen.export.graph import OPSET
from seqgen.export.parts import check_attention
from seqgen.model.build import Seq2Seq
from seqgen.model.memory import ImageBatch, TextBatch, ValueBatch


class _Start(nn.Module):
    """From inputs to the state before the first token: what the runtime keeps of an input.

    Args:
        model: encoder and decoder.
        task: what is read.
    """

    def __init__(self, model: Seq2Seq, task: str) -> None:
        super().__init__()
        self.model, self.task = model, task

    def names(self) -> list[str]:
        """Of what ``forward`` gives."""
        decoder = self.model.decoder
        states = [f"state.{i}" for i in range(len(decoder.layers) * decoder.parts)]
        return states + ([] if decoder.attention is None else ["keys", "values", "bias"])

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The states, and keys, values and bias where there is attention."""
        memory = self.model.encode(self._batch(*inputs))
        state = self.model.decoder.start(memory, memory.states.shape[0])
        found = [part for cell in state.cells for part in cell]
        attention, prepared = check_attention(self.model.decoder), state.prepared
        if attention is not None and prepared is not None:
            keys = prepared.keys
            if attention.query is None:
                keys = (keys * attention.scale).transpose(1, 2)
            found += [keys, prepared.values, prepared.bias]
        return tuple(found)

    def _batch(self, *inputs: Tensor) -> Any:
        if self.task == "caption":
            return ImageBatch(inputs[0])
        if self.task == "tell":
            return ValueBatch(inputs[0])
        tokens, lengths = inputs
        return TextBatch(tokens, torch.arange(tokens.shape[1]) < lengths[:, None])


def trace_start(path: Path, model: Seq2Seq, task: str, size: int) -> None:
    """Write the graph of an encoder and what the decoder makes of its memory first.

    Args:
        path: of the graph.
        model: whose encoder it is.
        task: what is read.
        size: of an image's side; of no other input.

    Raises:
        UserError: torch does not follow the encoder.
    """
    start = _Start(model, task).eval()
    inputs: dict[str, Tensor] = {
        "caption": {"pixels": torch.rand(2, 3, max(size, 1), max(size, 1))},
        "tell": {"numbers": torch.zeros(2, dtype=torch.int64)},
        "translate": {
            "tokens": torch.full((2, 5), 4),
            "lengths": torch.tensor([5, 3], dtype=torch.int32),
        },
    }[task]
    names = start.names()
    free = {name: {0: "b"} for name in (*inputs, *names)}
    if task == "translate":
        free["tokens"][1] = "s"
        for name, axis in (("keys", 2), ("values", 1), ("bias", 2)):
            mlp = name == "keys" and "keys" in names and model.decoder.attention.query is not None
            if name in free:
                free[name][1 if mlp else axis] = "s"
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of constants: shapes are fixed but for those free
            torch.onnx.export(
                start, tuple(inputs.values()), str(path), input_names=list(inputs),
                output_names=names, dynamic_axes=free, opset_version=OPSET, dynamo=False,
            )  # fmt: skip
    except (RuntimeError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"cannot be exported: {reason}", f"encoder '{type(model.encoder).__name__}'"
        ) from error
