"""What the trainer asks of a task; translating, captioning and tagging differ only here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn


@dataclass(frozen=True)
class Loss:
    """Of one batch: ``total`` to minimise, ``nats`` without smoothing, over ``count`` tokens.

    ``flops`` are those of the matrix products of real tokens, forward and backward.
    """

    total: Tensor
    nats: Tensor
    count: int
    flops: float


@dataclass(frozen=True)
class Validation:
    """How good a model is: the value of ``name`` (higher is better) and an output to look at."""

    name: str
    value: float
    sample: str


def selftest(inputs: Iterable[Any], found: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """``selftest.json`` of a model that writes: what it ``found`` for ``inputs``, best first."""
    return [
        {"input": one, "output": best[0].text, "log_prob": best[0].hypothesis.log_prob}
        for one, best in zip(inputs, found, strict=True)
    ]


class Task(Protocol):
    """A model with its data and its measure."""

    @property
    def model(self) -> nn.Module:
        """What is trained."""

    @property
    def tuned(self) -> Sequence[nn.Parameter]:
        """Those of its parameters that begin with somebody's training."""

    def batches(self, epoch: int) -> list[np.ndarray[Any, Any]]:
        """This process's batches of an epoch, as row numbers, in order."""

    def load(self, rows: np.ndarray[Any, Any], seed: int) -> Any:
        """A batch of ``rows``; runs beside the training and may use ``seed`` only for chance."""

    def loss(self, batch: Any) -> Loss:
        """The loss of a batch, with its graph."""

    def validate(self) -> Validation:
        """Judge ``model`` as it stands, by decoding."""

    def write_bundle(self, folder: Path, validation: Validation | None) -> None:
        """Write ``model`` as a bundle into an existing folder."""
