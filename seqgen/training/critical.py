"""Self-critical training: the model's own samples, each weighed by how well it scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqgen.model.build import Seq2Seq
from seqgen.model.memory import Memory
from seqgen.model.stepper import ModelStepper
from seqgen.search.sample import Sample
from seqgen.search.step import Hypothesis, run
from seqgen.training.loss import output_loss
from seqgen.training.targets import make_targets, readouts


def draw_samples(
    model: Seq2Seq, inputs: Any, limits: npt.NDArray[np.int64], samples: int, seed: int
) -> list[list[Hypothesis]]:
    """``samples`` outputs of the model for each of B inputs, drawn from its own distribution.

    They are drawn without dropout and in the type of the weights, whatever training runs in.
    """
    training = model.training
    model.eval()
    with torch.autocast("cpu", enabled=False):
        strategy = Sample(1.0, samples=samples, seed=seed)
        found = run(strategy.run(ModelStepper(model), inputs, limits))
    model.train(training)
    return found


def advantages(rewards: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How much better each of K samples of an input is than its others' mean; both [B, K].

    The mean of the others is a baseline that leaves the gradient's expectation as it is (Luo
    2020, "A Better Variant of Self-Critical Sequence Training").
    """
    others = (rewards.sum(1, keepdims=True) - rewards) / (rewards.shape[1] - 1)
    better: npt.NDArray[np.float64] = rewards - others
    return better


def critical_loss(
    model: Seq2Seq,
    memory: Memory,
    samples: Sequence[Sequence[Hypothesis]],
    rewards: npt.NDArray[np.float64],
) -> tuple[Tensor, int]:
    """A loss whose gradient is that of the expected reward, turned round.

    REINFORCE with a baseline (Rennie et al. 2017, equations 6 and 7): each token of a sample
    counts by its sample's advantage. An unfinished sample has no EOS to learn; its last token
    stands before the one that is left out.

    Args:
        model: what wrote the samples.
        memory: of the B inputs, with its graph.
        samples: K of each input.
        rewards: [B, K], higher is better.

    Returns:
        The loss, summed over tokens, and the number of tokens.
    """
    every = [hypothesis for found in samples for hypothesis in found]
    targets = make_targets([hypothesis.tokens for hypothesis in every])
    count = len(samples[0])
    rows = torch.arange(len(samples)).repeat_interleave(count)
    lengths = torch.tensor([len(hypothesis.tokens) + 1 for hypothesis in every])
    weights = torch.from_numpy(advantages(rewards).reshape(-1)).float()
    weights = weights.repeat_interleave(lengths)
    ends = lengths.cumsum(0) - 1
    unfinished = torch.tensor([not hypothesis.finished for hypothesis in every])
    weights[ends[unfinished]] = 0.0
    reads = readouts(model.decoder, memory.select(rows), targets.inputs, targets)
    output = model.decoder.output
    loss, _ = output_loss(reads, output.weight, output.bias, targets.outputs, weights=weights[None])
    return loss, targets.count
