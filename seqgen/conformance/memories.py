"""What comes out is a memory: shapes, types, the mask, and an input of one position."""

from __future__ import annotations

from typing import Any

from seqgen.conformance import batches
from seqgen.conformance.rule import DoesNotApply, Failure, Rule, require
from seqgen.conformance.subject import Subject


def _check_shapes(subject: Subject) -> None:
    encoder = subject.build()
    weights = {str(p.dtype) for p in encoder.parameters()} or {"torch.float32"}

    def problem(batch: Any) -> str | None:
        memory = subject.encode(encoder, batch)
        states, summary = memory.states, memory.summary
        if states.shape[0] != batches.size(batch):
            return f"{batches.size(batch)} inputs gave {states.shape[0]} rows"
        if states.shape[2] != encoder.output_dim:
            return f"states are {states.shape[2]} wide, output_dim is {encoder.output_dim}"
        for name, tensor in (("states", states), ("summary", summary)):
            if str(tensor.dtype) not in weights:
                return f"{name} are {tensor.dtype}, its weights {' and '.join(sorted(weights))}"
        real = states[memory.mask] if memory.mask.any() else states
        for name, tensor in (("states", real), ("summary", summary)):
            if not tensor.isfinite().all():
                return f"{name} are NaN or infinite"
        return None

    require(subject.batch, problem)


def _check_mask(subject: Subject) -> None:
    """Longer inputs have more real positions, or as many; inverted, they have fewer."""
    counts = batches.lengths(subject.batch)
    if counts is None:
        raise DoesNotApply("its inputs have no length")
    encoder, order = subject.build(), counts.argsort()
    rows = [int(order[0]), int(order[-1])]
    few, many = (
        int(subject.encode(encoder, batches.select(subject.batch, [row])).mask.sum())
        for row in rows
    )
    if few > many:
        long = counts[rows].tolist()
        raise Failure(
            f"of {long[0]} and {long[1]} real positions, in a batch as wide, it marks {few} and"
            f" {many} as real: the mask is upside down",
            batches.told(batches.select(subject.batch, rows)),
        )


def _check_real(subject: Subject) -> None:
    encoder = subject.build()

    def problem(batch: Any) -> str | None:
        empty = ~subject.encode(encoder, batch).mask.any(1)
        return f"input {int(empty.int().argmax())} has no real position" if empty.any() else None

    # Inputs of one token are another rule's
    long = batches.lengths(subject.batch)
    rows = [i for i in range(batches.size(subject.batch)) if long is None or long[i] > 1]
    require(batches.select(subject.batch, rows), problem)


def _check_one(subject: Subject) -> None:
    if batches.lengths(subject.batch) is None:
        raise DoesNotApply("its inputs have no length")
    encoder = subject.build()

    def problem(batch: Any) -> str | None:
        memory = subject.encode(encoder, batch)
        if not memory.mask.any(1).all():
            return "an input of one token has no real position"
        real = memory.states[memory.mask]
        if not (real.isfinite().all() and memory.summary.isfinite().all()):
            return "an input of one token gives NaN or infinity"
        return None

    require(batches.cut(batches.select(subject.batch, [0, 1]), 1), problem)


SHAPES = Rule(
    "shapes",
    "returns a Memory of its inputs, output_dim wide, of its weights' type and finite",
    "return Memory(states [B, S, D], mask [B, S], summary [B, D]) with D = output_dim",
    _check_shapes,
    ("builds",),
)
MASK = Rule(
    "mask",
    "marks what is real as True",
    "return batch.mask, True where a position is real; PyTorch's own key_padding_mask is ~mask",
    _check_mask,
    ("shapes",),
)
REAL = Rule(
    "real positions",
    "leaves every input a real position to look at",
    "keep a position that begins inside the input: mask[:, ::stride], not lengths // stride",
    _check_real,
    ("shapes", "mask"),
)
ONE = Rule(
    "length one",
    "reads inputs of one token",
    "pad before a convolution; divide by a length, not by a length - 1",
    _check_one,
    ("shapes", "mask", "real positions"),
)
