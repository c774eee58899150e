"""What a training needs to go on as if it had never stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from seqgen.config import from_dict, to_dict
from seqgen.data.batches import Position
from seqgen.errors import UserError
from seqgen.files import read_json, write_json
from seqgen.tensors import read_tensors, write_tensors
from seqgen.training.optim import WeightAverage

TENSORS, STATE = "training.safetensors", "training.json"


@dataclass
class Progress:
    """Where a training stands."""

    step: int = 0  # updates made
    position: Position = field(default_factory=Position)  # the next batch
    best: float = float("-inf")  # highest validation value so far
    stale: int = 0  # validations since
    drops: int = 0  # times the plateau schedule halved the rate
    averaged: int = 0  # updates in the running average
    seconds: float = 0.0  # spent training, over all runs
    precision: str = ""  # the type trained in


def write_training(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: WeightAverage,
    progress: Progress,
) -> None:
    """Write all training state beside the bundle in ``folder``."""
    tensors: dict[str, Tensor] = {}
    for i, (name, parameter) in enumerate(model.named_parameters()):
        tensors[f"weight.{name}"] = parameter.detach()
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{key}.{name}"] = value
        if average.mean:
            tensors[f"average.{name}"] = average.mean[i]
    for name, buffer in model.named_buffers():
        tensors[f"buffer.{name}"] = buffer
    write_tensors(folder / TENSORS, {k: v.contiguous() for k, v in tensors.items()})
    state = to_dict(progress)
    state["best"] = None if progress.best == float("-inf") else progress.best
    write_json(folder / STATE, state)


def read_training(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, average: WeightAverage
) -> Progress:
    """Put the state in ``folder`` back into the live objects.

    Raises:
        UserError: there is no checkpoint, it is damaged, or it is of another model.
    """
    state = read_json(folder / STATE)
    if isinstance(state, dict) and state.get("best") is None:
        state["best"] = float("-inf")
    progress = from_dict(Progress, state, folder / STATE)
    tensors = read_tensors(folder / TENSORS)
    adaptive = isinstance(optimizer, torch.optim.AdamW)
    moments = ("step", "exp_avg", "exp_avg_sq") if adaptive else ()
    try:
        with torch.no_grad():
            for i, (name, parameter) in enumerate(model.named_parameters()):
                parameter.copy_(tensors.pop(f"weight.{name}"))
                if average.mean:
                    average.mean[i].copy_(tensors.pop(f"average.{name}"))
                if parameter.requires_grad:
                    optimizer.state[parameter] = {
                        key: tensors.pop(f"{key}.{name}") for key in moments
                    }
            for name, buffer in model.named_buffers():
                buffer.copy_(tensors.pop(f"buffer.{name}"))
    except (KeyError, RuntimeError) as error:
        raise UserError(f"is of another model: {error}", folder / TENSORS) from error
    average.updates = progress.averaged
    return progress
