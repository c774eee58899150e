"""Training reaches every weight that is to be trained, and no other."""

from __future__ import annotations

import torch
from torch import Tensor

from seqgen.conformance.rule import Failure, Rule
from seqgen.conformance.subject import Subject, with_gradients
from seqgen.model.memory import Memory

_TRIES = 3  # dropout may hide a weight once


def _check(subject: Subject) -> None:
    encoder = subject.build()
    trained = {name: weight.requires_grad for name, weight in encoder.named_parameters()}
    start = {name: weight.detach().clone() for name, weight in encoder.named_parameters()}
    encoder.train()
    missed = {name for name, wanted in trained.items() if wanted}
    for seed in range(_TRIES):
        total = _probe(with_gradients(encoder, subject.batch, seed), seed)
        if total.requires_grad:
            total.backward()  # type: ignore[no-untyped-call]
        reached = {n for n, p in encoder.named_parameters() if _reached(p.grad)}
        missed -= reached
        for name, weight in encoder.named_parameters():
            if weight.requires_grad != trained[name]:
                state = "frozen" if weight.requires_grad else "trained"
                raise Failure(
                    f"'{name}' is {state} when made and no longer after train() and forward",
                    fix="call requires_grad_ in __init__ alone",
                )
            if not trained[name] and not torch.equal(weight, start[name]):
                raise Failure(f"'{name}' is frozen and yet changes in training")
    if missed:
        first, more = sorted(missed)[0], f", nor {len(missed) - 1} more" * (len(missed) > 1)
        raise Failure(f"'{first}' gets no gradient{more}")


def _probe(memory: Memory, seed: int) -> Tensor:
    """A number that depends on every real state and summary, each in its own measure."""
    chance = torch.Generator().manual_seed(seed)
    real = memory.states[memory.mask]
    total = torch.zeros(())
    for part in (real, memory.summary):
        total = total + (part * torch.randn(part.shape, generator=chance)).sum()
    return total


def _reached(gradient: Tensor | None) -> bool:
    return gradient is not None and bool((gradient != 0).any())


GRADIENTS = Rule(
    "gradients",
    "sends gradients to every trainable weight and to no frozen one",
    "use it in forward, outside of no_grad() and detach(); or freeze it with requires_grad_(False)",
    _check,
    ("shapes", "mask", "real positions"),
)
