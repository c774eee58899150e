"""Self-critical training: the model's own samples, each weighed by how well it scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    model: Seq2Seq,
    inputs: Any,
    limits: npt.NDArray[np.int64],
    samples: int,
    seed: int,
    temperature: float = 1.0,
) -> list[list[Hypothesis]]:
    """``samples`` outputs of the model for each of B inputs, drawn from its own distribution.

    They are drawn without dropout and in the type of the weights, whatever training runs in.
    """
    training = model.training
    model.eval()
    with torch.autocast("cpu", enabled=False):
        strategy = Sample(temperature, samples=samples, seed=seed)
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


Reward = Callable[[list[str], list[int]], npt.NDArray[np.float64]]
"""(M texts, the number of the input each was written for) -> [M], higher is better."""


@dataclass(frozen=True)
class Critic:
    """Judges what a model writes of its own.

    Attributes:
        model: what writes.
        decode: token ids to text.
        reward: text to how good it is.
        samples: K, texts an input.
        temperature: at which they are drawn. A model trained on people's texts spreads its
            probability so thin that what it draws is far worse than what a search finds; below
            1 it learns from texts like those that it will be asked for.
    """

    model: Seq2Seq
    decode: Callable[[Sequence[int]], str]
    reward: Reward
    samples: int
    temperature: float

    def loss(
        self, inputs: Any, numbers: Sequence[int], limits: npt.NDArray[np.int64], seed: int
    ) -> tuple[Tensor, Tensor, int]:
        """Let the model write from B inputs, and weigh what it wrote.

        Args:
            inputs: as its encoder takes them.
            numbers: [B] by which the reward knows the inputs.
            limits: [B], the most tokens of each output.
            seed: of what is drawn.

        Returns:
            The loss, summed over tokens; minus the mean reward, once a token, to be shown in
            its place; and the number of tokens.
        """
        found = draw_samples(self.model, inputs, limits, self.samples, seed, self.temperature)
        texts = [self.decode(hypothesis.tokens) for best in found for hypothesis in best]
        owners = [number for number in numbers for _ in range(self.samples)]
        rewards = self.reward(texts, owners).reshape(len(numbers), self.samples)
        memory = self.model.encode(inputs)
        loss, tokens = critical_loss(self.model, memory, found, rewards, self.temperature)
        return loss, torch.tensor(-float(rewards.mean()) * tokens), tokens


def critical_loss(
    model: Seq2Seq,
    memory: Memory,
    samples: Sequence[Sequence[Hypothesis]],
    rewards: npt.NDArray[np.float64],
    temperature: float = 1.0,
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
        temperature: at which they were drawn, and so at which they are expected.

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
    bias = output.bias / temperature
    loss, _ = output_loss(
        reads / temperature, output.weight, bias, targets.outputs, weights=weights[None]
    )
    return loss, targets.count
