"""Forced scoring: what a model thinks of a given text."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from seqgen.data.batches import pad
from seqgen.model.build import Seq2Seq
from seqgen.text import BOS, EOS

Item = TypeVar("Item")


@torch.inference_mode()
def token_log_probs(
    model: Seq2Seq, batch: Any, targets: Sequence[Sequence[int]]
) -> list[tuple[float, ...]]:
    """The log-probability in nats of every token of ``targets``, end of sequence included.

    Args:
        model: in evaluation mode.
        batch: B inputs for its encoder.
        targets: B token sequences without BOS and EOS.

    Returns:
        For each row ``len(target) + 1`` numbers: what a search that wrote this text reports.
    """
    inputs = torch.from_numpy(pad([[BOS, *target] for target in targets]))
    outputs = torch.from_numpy(pad([[*target, EOS] for target in targets]))
    logits: Tensor = model(batch, inputs)
    chosen = torch.log_softmax(logits, -1).gather(-1, outputs[..., None]).squeeze(-1)
    rows = zip(chosen.tolist(), targets, strict=True)
    return [tuple(row[: len(target) + 1]) for row, target in rows]


def score_targets(
    models: Sequence[Seq2Seq],
    inputs: Sequence[Item],
    targets: Sequence[Sequence[int]],
    make_batch: Callable[[list[Item]], Any],
    batch_size: int,
) -> list[tuple[float, ...]]:
    """``token_log_probs`` of N inputs in batches; of several models, of their mean probability.

    Args:
        models: in evaluation mode.
        inputs: what ``make_batch`` makes a batch of.
        targets: [N] token sequences without BOS and EOS.
        make_batch: inputs as the models' encoders take them.
        batch_size: rows scored together.
    """
    order = sorted(range(len(targets)), key=lambda i: len(targets[i]))
    found: list[tuple[float, ...]] = [()] * len(targets)
    for begin in range(0, len(order), batch_size):
        rows = order[begin : begin + batch_size]
        batch = make_batch([inputs[i] for i in rows])
        scored = [token_log_probs(model, batch, [targets[i] for i in rows]) for model in models]
        for i, *each in zip(rows, *scored, strict=True):
            mean = np.logaddexp.reduce(each, axis=0) - np.log(len(each))
            found[i] = tuple(mean.tolist())
    return found


def perplexity(log_probs: Sequence[Sequence[float]]) -> float:
    """The exponential of the mean negative log-probability of a token, over all rows."""
    count = sum(len(row) for row in log_probs)
    return math.exp(-math.fsum(x for row in log_probs for x in row) / max(1, count))
