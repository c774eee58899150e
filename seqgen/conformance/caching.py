"""What a cacheable encoder's frozen part makes of an image never changes, so it can be kept."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqgen.conformance.rule import DoesNotApply, Failure, Rule, require
from seqgen.conformance.subject import Subject, difference, memory_difference, with_gradients
from seqgen.model.memory import Cacheable, ImageBatch

_HALF = 65504.0  # the largest number of float16, in which features are kept
_RATE = 0.1


def _check(subject: Subject) -> None:
    encoder = subject.build()
    if not isinstance(encoder, Cacheable):
        raise DoesNotApply("it has no features() and stem_sha256")
    if not isinstance(subject.batch, ImageBatch) or subject.batch.pixels is None:
        raise DoesNotApply("only images are cached")

    def problem(batch: Any) -> str | None:
        features = _features(encoder, batch)
        if not features.isfinite().all() or features.abs().max() > _HALF:
            return "features do not fit float16"
        direct = subject.encode(encoder, batch)
        found = memory_difference(direct, subject.encode(encoder, ImageBatch(features=features)))
        return f"from its features instead of the pixels, {found}" if found else None

    require(subject.batch, problem)
    before, name = _features(encoder, subject.batch), encoder.stem_sha256
    if name != subject.build().stem_sha256:
        raise Failure("stem_sha256 is another for the same weights")
    _train(encoder, subject.batch)
    apart = difference(before, _features(encoder, subject.batch))
    if apart:
        raise Failure(f"after an update of training its features differ by {apart:.2g}")
    if encoder.stem_sha256 != name:
        raise Failure("after an update of training stem_sha256 is another")


def _features(encoder: Any, batch: ImageBatch) -> Tensor:
    with torch.no_grad():
        features: Tensor = encoder.features(batch.pixels)
    return features


def _train(encoder: Any, batch: ImageBatch) -> None:
    """One update, in training mode."""
    encoder.train()
    memory = with_gradients(encoder, batch)
    (memory.states.square().sum() + memory.summary.square().sum()).backward()  # type: ignore[no-untyped-call]
    trained = [weight for weight in encoder.parameters() if weight.grad is not None]
    if trained:
        torch.optim.SGD(trained, lr=_RATE).step()


CACHEABLE = Rule(
    "cacheable",
    "has features that stand for the pixels, before and after training",
    "let features() be the frozen part alone, in eval() always, and stem_sha256 name its weights",
    _check,
    ("shapes", "deterministic"),
)
