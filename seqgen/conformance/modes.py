"""Evaluation is without chance, statistics that are frozen stay, bfloat16 does as well."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from seqgen.conformance import batches
from seqgen.conformance.rule import Failure, Rule, require
from seqgen.conformance.subject import (
    Subject,
    difference,
    memory_difference,
    with_gradients,
)

_LOOSE = 0.1  # of the largest number: bfloat16 has three digits, and layers add up


def _check_deterministic(subject: Subject) -> None:
    encoder = subject.build()

    def problem(batch: Any) -> str | None:
        first = subject.encode(encoder, batch, seed=1)
        found = memory_difference(first, subject.encode(encoder, batch, seed=2))
        return f"the same input twice in evaluation mode: {found}" if found else None

    require(subject.batch, problem)


def _check_statistics(subject: Subject) -> None:
    encoder = subject.build()
    for training in (False, True):
        encoder.train(training)
        before = {name: tensor.clone() for name, tensor in encoder.named_buffers()}
        subject.encode(encoder, subject.batch)
        for name, tensor in encoder.named_buffers():
            moved = difference(tensor.float(), before[name].float())
            if not moved:
                continue
            if not training:
                raise Failure(
                    f"'{name}' moved by {moved:.2g} in evaluation mode",
                    fix="write into a buffer only where self.training",
                )
            if _frozen(encoder, name):
                raise Failure(
                    f"'{name}' moved by {moved:.2g} in training though its weights are frozen"
                )


def _frozen(encoder: nn.Module, buffer: str) -> bool:
    """Whether the innermost module with weights around ``buffer`` trains none of them."""
    path = buffer.split(".")[:-1]
    while True:
        weights = list(encoder.get_submodule(".".join(path)).parameters())
        if weights:
            return not any(weight.requires_grad for weight in weights)
        if not path:
            return False
        path.pop()


def _check_precision(subject: Subject) -> None:
    """Machines with fast bfloat16 train in it, under autocast."""
    encoder = subject.build()

    def problem(batch: Any) -> str | None:
        plain = subject.encode(encoder, batch)
        with torch.autocast("cpu", torch.bfloat16):
            memory = with_gradients(encoder, batch)
            total = memory.states.float().sum() + memory.summary.float().sum()
        if total.requires_grad:
            total.backward()  # type: ignore[no-untyped-call]
        found = memory_difference(plain, memory, _LOOSE)
        return f"under bfloat16 autocast {found}" if found else None

    require(batches.select(subject.batch, [0, 1]), problem)


DETERMINISTIC = Rule(
    "deterministic",
    "gives the same twice in evaluation mode",
    "drop only where self.training (F.dropout needs training=self.training); keep no state",
    _check_deterministic,
    ("shapes",),
)
STATISTICS = Rule(
    "statistics",
    "leaves buffers as they are in evaluation mode, and those of frozen parts always",
    "override train() and put the frozen part back into eval() there, as CNNEncoder does",
    _check_statistics,
    ("shapes",),
)
PRECISION = Rule(
    "precision",
    "runs forward and backward under bfloat16 autocast and gives about the same",
    "make new tensors by x.new_zeros(...) or .to(x), never of a fixed type",
    _check_precision,
    ("shapes", "deterministic"),
)
