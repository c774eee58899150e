"""What an input gives depends on that input alone: not on padding, not on what is beside it."""

from __future__ import annotations

from typing import Any

from seqgen.conformance import batches
from seqgen.conformance.rule import DoesNotApply, Rule, require
from seqgen.conformance.subject import Subject, memory_difference
from seqgen.model.memory import Memory

_EXTRA = 5  # positions of padding


def _check_padding(subject: Subject) -> None:
    if batches.lengths(subject.batch) is None:
        raise DoesNotApply("its inputs have no length")
    encoder = subject.build()

    def problem(batch: Any) -> str | None:
        for row in range(batches.size(batch)):
            alone = batches.trimmed(batches.select(batch, [row]))
            memory = subject.encode(encoder, alone)
            longer = subject.encode(encoder, batches.padded(alone, _EXTRA))
            found = memory_difference(memory, longer)
            if found:
                return f"with {_EXTRA} positions of padding behind it, {found}"
        return None

    require(subject.batch, problem)


def _check_batch(subject: Subject) -> None:
    """One by one at the same width, so that padding has no say, and in the other order."""
    encoder = subject.build()

    def problem(batch: Any) -> str | None:
        count = batches.size(batch)
        whole = subject.encode(encoder, batch)
        for row in range(count):
            single = subject.encode(encoder, batches.select(batch, [row]))
            beside = Memory(
                whole.states[row : row + 1], whole.mask[row : row + 1], whole.summary[row : row + 1]
            )
            found = memory_difference(single, beside)
            if found:
                return f"in a batch of {count}, input {row} is not what it is alone: {found}"
        return None

    require(subject.batch, problem)
    backwards = list(reversed(range(batches.size(subject.batch))))
    require(batches.select(subject.batch, backwards), problem)


PADDING = Rule(
    "padding",
    "gives the same whatever padding stands behind an input",
    "mask before every mean, softmax, normalization and backward reading; return batch.mask",
    _check_padding,
    ("shapes", "mask", "real positions", "deterministic"),
)
BATCH = Rule(
    "batch",
    "gives for each input of a batch what it gives for it alone, in any order",
    "mix nothing across rows; what was sorted by length must be put back in order",
    _check_batch,
    ("shapes", "mask", "real positions", "deterministic"),
)
