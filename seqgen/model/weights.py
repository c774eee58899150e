"""The weights of a module in a safetensors file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from seqgen.errors import UserError
from seqgen.tensors import read_tensors, write_tensors


def write_weights(path: Path, model: nn.Module) -> None:
    """Write parameters and buffers, each once however many names it goes by."""
    named = [*model.named_parameters(), *model.named_buffers()]
    write_tensors(path, {name: tensor.detach().contiguous() for name, tensor in named})


def read_weights(path: Path, model: nn.Module) -> None:
    """Fill ``model`` with the tensors of a safetensors file; names and shapes must agree.

    Raises:
        UserError: the file is damaged, or made for another model (the tensor is named).
    """
    found = read_tensors(path)
    wanted = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    odd = sorted(wanted.keys() ^ found.keys())
    if odd:
        side = "lacks" if odd[0] in wanted else "has an unknown"
        raise UserError(f"{side} tensor '{odd[0]}'", path, "its config.json is of another model")
    with torch.no_grad():
        for name, tensor in wanted.items():
            if tensor.shape != found[name].shape:
                raise UserError(
                    f"tensor '{name}' is {list(found[name].shape)}, config.json says"
                    f" {list(tensor.shape)}",
                    path,
                )
            tensor.copy_(found[name])
