"""Forced scoring: what a model thinks of a given text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from seqgen.data.batches import pad
from seqgen.model.build import Seq2Seq
from seqgen.text import BOS, EOS


@torch.inference_mode()
def token_log_probs(
    model: Seq2Seq,
    batch: Any,
    targets: Sequence[Sequence[int]],
    allowed: Tensor | None = None,
) -> list[tuple[float, ...]]:
    """The log-probability in nats of every token of ``targets``, end of sequence included.

    Args:
        model: in evaluation mode.
        batch: B inputs for its encoder.
        targets: B token sequences without BOS and EOS.
        allowed: [B, V] bool, the tokens that a row may have; all of them if left out.

    Returns:
        For each row ``len(target) + 1`` numbers: what a search that wrote this text reports.
    """
    inputs = torch.from_numpy(pad([[BOS, *target] for target in targets]))
    outputs = torch.from_numpy(pad([[*target, EOS] for target in targets]))
    logits: Tensor = model(batch, inputs)
    if allowed is not None:
        logits = logits.masked_fill(~allowed[:, None], float("-inf"))
    chosen = torch.log_softmax(logits, -1).gather(-1, outputs[..., None]).squeeze(-1)
    rows = zip(chosen.tolist(), targets, strict=True)
    return [tuple(row[: len(target) + 1]) for row, target in rows]


def perplexity(log_probs: Sequence[Sequence[float]]) -> float:
    """The exponential of the mean negative log-probability of a token, over all rows."""
    count = sum(len(row) for row in log_probs)
    return math.exp(-math.fsum(x for row in log_probs for x in row) / max(1, count))
