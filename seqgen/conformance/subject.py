"""The encoder under test: made afresh for each rule, on inputs that are always the same."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqgen.conformance.batches import KINDS, VOCAB, WIDTH, example_batch, tensors
from seqgen.model.build import build_encoder, find_class
from seqgen.model.memory import Memory

TOLERANCE = 1e-4  # of the largest number compared, in float32


@dataclass(frozen=True)
class Subject:
    """An encoder to be built, and what to try it on.

    Attributes:
        spec: what this and other processes find its class by.
        options: its keyword arguments.
        batch: inputs, eight or so different ones.
        vocab_size: number of ids of tokens or values, for a constructor that asks for it.
    """

    spec: str
    options: dict[str, Any]
    batch: Any
    vocab_size: int

    def build(self, seed: int = 0) -> Any:
        """The encoder with fresh weights of ``seed``, in evaluation mode."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return build_encoder(self.spec, self.options, self.vocab_size).eval()

    def encode(self, encoder: Any, batch: Any, seed: int = 0) -> Memory:
        """The memory of ``batch``, without gradients; ``seed`` is of all chance in it."""
        with torch.no_grad():
            return with_gradients(encoder, batch, seed)


def make_subject(
    spec: str, options: dict[str, Any], batch: Any = None, kind: str | None = None
) -> Subject:
    """An encoder with inputs.

    Args:
        spec: names its class.
        options: its keyword arguments.
        batch: inputs; left out, those of ``kind``, vectors as wide as the option ``input_dim``.
        kind: of ``KINDS``; left out, what the annotation of ``forward`` says, or else text.

    Raises:
        UserError: the spec or the kind is unknown.
    """
    if batch is None:
        batch = example_batch(kind or _kind_read(spec), options.get("input_dim", WIDTH))
    whole = [int(t.max()) for _, t in tensors(batch) if t.dtype == torch.int64 and t.numel()]
    return Subject(spec, options, batch, max([VOCAB, *(most + 1 for most in whole)]))


def _kind_read(spec: str) -> str:
    """What an encoder reads, by the annotation of its ``forward``."""
    read: Any = find_class(spec).forward
    hints = list(inspect.signature(read).parameters.values())[1:]
    named = str(hints[0].annotation) if hints else ""
    return next((name for name, batch in KINDS.items() if batch.__name__ in named), "text")


def with_gradients(encoder: Any, batch: Any, seed: int = 0) -> Memory:
    """The memory of ``batch``; ``seed`` is of all chance in it.

    Raises:
        TypeError: what comes out is no ``Memory``.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        memory = encoder(batch)
    if not isinstance(memory, Memory):
        raise TypeError(f"forward returned {type(memory).__name__}, not a seqgen.Memory")
    return memory


def raised(error: Exception) -> str:
    """An exception in a line."""
    return " ".join(f"raises {type(error).__name__}: {error}".split())


def difference(one: Tensor, other: Tensor) -> float:
    """The largest difference of two tensors of one shape, as a share of the largest number.

    Numbers below 1 count as 1, so that what is all but zero is not blown up; NaN is infinitely
    far from anything.
    """
    if not one.numel():
        return 0.0
    scale = max(1.0, one.abs().max().item(), other.abs().max().item())
    apart = (one.double() - other.double()).abs().max().item() / scale
    return apart if apart == apart else float("inf")


def memory_difference(one: Memory, other: Memory, tolerance: float = TOLERANCE) -> str | None:
    """How two memories of the same inputs differ in what is real, in words; None if they agree."""
    for row in range(len(one.states)):
        mine, theirs = (memory.states[row][memory.mask[row]] for memory in (one, other))
        who = f"input {row}: " if len(one.states) > 1 else ""
        if len(mine) != len(theirs):
            return f"{who}{len(theirs)} real positions where there were {len(mine)}"
        for name, a, b in (
            ("states", mine, theirs),
            ("summary", one.summary[row], other.summary[row]),
        ):
            apart = difference(a, b)
            if apart > tolerance:
                return f"{who}the {name} differ by {apart:.2g}"
    return None
