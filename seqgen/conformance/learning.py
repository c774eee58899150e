"""In front of the real decoder, the encoder tells a few inputs apart and can be trained to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqgen.conformance import batches
from seqgen.conformance.rule import DoesNotApply, Failure, Rule
from seqgen.conformance.subject import Subject, memory_difference
from seqgen.model.build import Seq2Seq
from seqgen.model.decoder import Decoder, DecoderConfig
from seqgen.training.optim import learning_rate, make_optimizer, scale_and_clip, set_rate
from seqgen.training.targets import Objective, Targets, make_targets, target_loss

EXAMPLES = 8

_DECODER = DecoderConfig(embedding_dim=32, hidden_dim=64, layers=1, dropout=0.0)
_TARGETS = 16  # tokens of the decoder
_LENGTH = 3  # tokens of an output
_UPDATES = 400
_LOOK = 10  # updates between two looks
_RATES = (5e-3, 1e-3)
_WARMUP = 20


@dataclass(frozen=True)
class _Lesson:
    """Inputs and what is to be written of each."""

    batch: Any
    targets: Targets
    rows: int


def _check(subject: Subject) -> None:
    lesson = _lesson(subject)
    right = 0
    for rate in _RATES:
        right = max(right, _train(subject, lesson, rate))
        if right == lesson.rows:
            return
    raise Failure(
        f"after {_UPDATES} updates {right} of {lesson.rows} outputs are right", _alike(subject)
    )


def _lesson(subject: Subject) -> _Lesson:
    """Up to eight different inputs, each with an output of its own."""
    chosen: list[int] = []
    for row in range(batches.size(subject.batch)):
        if len(chosen) < EXAMPLES and all(not _same(subject.batch, row, o) for o in chosen):
            chosen.append(row)
    if len(chosen) < 2:
        raise DoesNotApply("it was given no two different inputs")
    chance = torch.Generator().manual_seed(4)
    drawn = torch.randperm((_TARGETS - 4) ** _LENGTH, generator=chance)[: len(chosen)].tolist()
    bases = [(_TARGETS - 4) ** place for place in range(_LENGTH)]
    rows = [[4 + number // base % (_TARGETS - 4) for base in bases] for number in drawn]
    return _Lesson(batches.select(subject.batch, chosen), make_targets(rows), len(chosen))


def _same(batch: Any, one: int, other: int) -> bool:
    return all(torch.equal(tensor[one], tensor[other]) for _, tensor in batches.tensors(batch))


def _train(subject: Subject, lesson: _Lesson, rate: float) -> int:
    """Train until all outputs are right, or for ``_UPDATES``; how many were, at best."""
    encoder = subject.build()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        decoder = Decoder(_TARGETS, encoder.output_dim, _DECODER)
        model = Seq2Seq(encoder, decoder)
        optimizer = make_optimizer(model, 0.0)
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        best = 0
        for update in range(_UPDATES):
            model.train()
            memory = model.encode(lesson.batch)
            loss, _ = target_loss(model, memory, lesson.targets, Objective())
            loss.backward()  # type: ignore[no-untyped-call]
            scale_and_clip(weights, 1.0 / lesson.targets.count, 1.0)
            set_rate(optimizer, learning_rate(update, rate, "cosine", _WARMUP, _UPDATES))
            optimizer.step()
            optimizer.zero_grad()
            if update % _LOOK == _LOOK - 1:
                best = max(best, _right(model, lesson))
                if best == lesson.rows:
                    break
    return best


@torch.no_grad()
def _right(model: Seq2Seq, lesson: _Lesson) -> int:
    """How many outputs are right, token by token: as many as greedy decoding would write."""
    model.eval()
    logits = model(lesson.batch, lesson.targets.inputs)
    guesses: Tensor = logits.argmax(-1).reshape(lesson.rows, -1)
    return int((guesses == lesson.targets.outputs.view(lesson.rows, -1)).all(1).sum())


def _alike(subject: Subject) -> str:
    """Two different inputs with one memory, if there are."""
    encoder = subject.build()
    for one in range(batches.size(subject.batch)):
        for other in range(one):
            pair = batches.select(subject.batch, [other, one])
            mine, theirs = (subject.encode(encoder, batches.select(pair, [i])) for i in (0, 1))
            if not _same(pair, 0, 1) and memory_difference(mine, theirs) is None:
                return f"one memory for two inputs: {batches.told(pair)}"
    return ""


LEARNS = Rule(
    "learns",
    "learns eight examples by heart in front of the real decoder",
    "let the states depend on what stands in the input, and scale them to about 1",
    _check,
    ("real positions", "length one", "gradients"),
)
