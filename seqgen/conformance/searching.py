"""Searches move an encoder's memory about: rows repeat, change places and drop out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from seqgen.conformance import batches
from seqgen.conformance.rule import Rule, require
from seqgen.conformance.subject import Subject, memory_difference
from seqgen.model.build import Seq2Seq
from seqgen.model.decoder import Decoder, DecoderConfig
from seqgen.model.stepper import ModelStepper
from seqgen.search.beam import Beam
from seqgen.search.step import Hypothesis, run

_DECODER = DecoderConfig(embedding_dim=16, hidden_dim=24, dropout=0.0)
_TARGETS = 24  # tokens of the decoder
_CLOSE = 1e-3  # nats


def _check(subject: Subject) -> None:
    encoder = subject.build()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        decoder = Decoder(_TARGETS, encoder.output_dim, _DECODER)
    for weight in decoder.parameters():
        weight.data.mul_(2.0)  # far from uniform, so that inputs are told apart
    stepper = ModelStepper(Seq2Seq(encoder, decoder).eval())

    def search(batch: Any) -> list[list[Hypothesis]]:
        strategy, count = Beam(size=3, n_best=2), batches.size(batch)
        # The limits differ, so that some inputs leave before the others
        return run(strategy.run(stepper, batch, np.arange(count) % 4 + 4))

    def problem(batch: Any) -> str | None:
        count = batches.size(batch)
        rows = [*reversed(range(count)), 0]
        chosen = subject.encode(encoder, batch).select(torch.tensor(rows))
        found = memory_difference(subject.encode(encoder, batches.select(batch, rows)), chosen)
        if found:
            return f"the memory's rows {rows} are not those of its inputs: {found}"
        together = search(batch)
        for row in range(count):
            one = batches.select(batch, [row] * (row % 4 + 1))
            alone = search(one)[row % 4]  # with the same limit
            gap = max(abs(a.score - b.score) for a, b in zip(alone, together[row], strict=True))
            if gap > _CLOSE:
                return f"a beam scores input {row} {gap:.2g} nats apart when others are beside it"
        return None

    require(subject.batch, problem)


BEAMS = Rule(
    "beams",
    "lets searches choose, repeat and drop rows of its memory",
    "return a plain seqgen.Memory, with nothing about a row outside states, mask and summary",
    _check,
    ("batch", "padding", "length one"),
)
