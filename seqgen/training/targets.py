"""Sequences to be written, under teacher forcing: what every task with a decoder trains on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor

from seqgen.data.batches import pad
from seqgen.data.store import Store
from seqgen.model.build import Seq2Seq
from seqgen.model.decoder import Decoder
from seqgen.model.memory import Memory
from seqgen.text import BOS, EOS, Tokenizer
from seqgen.training.loss import CHUNK, output_loss


@dataclass(frozen=True)
class Targets:
    """B target sequences, R times over.

    Attributes:
        inputs: [R * B, T] int64, BOS and the target.
        outputs: [R, M] int64, the targets and EOS at the M real positions of a reading.
        positions: [R * M] int64, where those stand among the R * B * T.
    """

    inputs: Tensor
    outputs: Tensor
    positions: Tensor

    @property
    def count(self) -> int:
        """M, the tokens of one reading, EOS included."""
        return self.outputs.shape[1]


def token_rows(
    store: Store,
    side: str,
    tokenizer: Tokenizer,
    rows: Sequence[int] | npt.NDArray[Any],
    alpha: float,
    seed: int,
) -> list[list[int]]:
    """Token ids of one side of some ``rows``: as prepared, or with ``alpha`` sampled anew.

    Args:
        store: has the columns ``side`` and ``side``_text.
        side: which.
        tokenizer: of that side.
        rows: numbers, with repetitions.
        alpha: see ``TrainingConfig.subword_sampling``; 0 is not to sample.
        seed: of what is sampled.
    """
    if alpha:
        return tokenizer.sample(store.texts(f"{side}_text", rows), alpha, seed)
    return [store.columns[side][row].tolist() for row in rows]


def make_targets(rows: Sequence[Sequence[int]], readings: int = 1) -> Targets:
    """Pad R * B rows of token ids (no BOS, no EOS), R readings of B targets, to a batch."""
    outputs = torch.from_numpy(pad([[*row, EOS] for row in rows], value=-1)).reshape(-1)
    positions = (outputs >= 0).nonzero().squeeze(1)
    inputs = torch.from_numpy(pad([[BOS, *row] for row in rows]))
    return Targets(inputs, outputs[positions].view(readings, -1), positions)


@dataclass(frozen=True)
class Objective:
    """What is asked of the targets' probabilities.

    Attributes:
        label_smoothing: as in ``output_loss``.
        consistency: as in ``output_loss``; above 0 with two readings.
        scheduled_sampling: share of the decoder's inputs replaced by its own best guesses.
    """

    label_smoothing: float = 0.0
    consistency: float = 0.0
    scheduled_sampling: float = 0.0


def target_loss(
    model: Seq2Seq, memory: Memory, targets: Targets, objective: Objective
) -> tuple[Tensor, Tensor]:
    """The loss of ``targets`` written from ``memory`` [R * B rows], and their plain nats."""
    decoder, inputs = model.decoder, targets.inputs
    if objective.scheduled_sampling:
        inputs = mixed_inputs(decoder, memory, targets, objective.scheduled_sampling)
    reads = readouts(decoder, memory, inputs, targets)
    return output_loss(
        reads,
        decoder.output.weight,
        decoder.output.bias,
        targets.outputs,
        objective.label_smoothing,
        objective.consistency,
    )


def readouts(decoder: Decoder, memory: Memory, inputs: Tensor, targets: Targets) -> Tensor:
    """What the output layer reads at the real positions, [R, M, E], in the type to compute in."""
    hidden = decoder.hidden(memory, inputs)
    reads = hidden.reshape(-1, hidden.shape[-1]).index_select(0, targets.positions)
    if torch.is_autocast_enabled("cpu"):
        reads = reads.to(torch.get_autocast_dtype("cpu"))
    return reads.view(*targets.outputs.shape, -1)


@torch.no_grad()
def mixed_inputs(decoder: Decoder, memory: Memory, targets: Targets, share: float) -> Tensor:
    """The decoder's inputs [R * B, T] with a ``share`` of the tokens replaced by its guesses.

    Scheduled sampling (Bengio et al. 2015) in two passes (Mihaylova & Martins 2019): what the
    model thinks most likely after the true beginning takes the place of the true token, by
    chance; so training stays free of a loop over time. BOS stays.
    """
    reads = readouts(decoder, memory, targets.inputs, targets).flatten(0, 1)
    output = decoder.output
    weight, bias = output.weight.to(reads.dtype), output.bias.to(reads.dtype)
    parts = torch.split(reads, CHUNK)
    guesses = torch.cat([torch.addmm(bias, part, weight.mT).argmax(-1) for part in parts])
    spread = torch.zeros_like(targets.inputs).view(-1)
    spread[targets.positions] = guesses
    guessed = torch.roll(spread.view_as(targets.inputs), 1, dims=1)
    chosen = torch.rand(guessed.shape, device=guessed.device) < share
    chosen[:, 0] = False
    return torch.where(chosen, guessed, targets.inputs)
