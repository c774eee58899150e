"""Encoders with one mistake each, as people make them; the rest of each is right."""

import numpy as np
import torch
from good_encoders import MeanEncoder, mean
from torch import nn
from torch.nn import functional as F

from seqgen.model.memory import ImageBatch, Memory


class IntegerKeys(MeanEncoder):
    """JSON has text keys alone."""

    def __init__(self, vocab_size, widths):
        super().__init__(vocab_size, widths[1])


class DrawsByNumPy(MeanEncoder):
    def __init__(self, vocab_size):
        super().__init__(vocab_size)
        noise = np.random.default_rng().normal(size=self.embed.weight.shape)
        self.embed.weight.data.copy_(torch.from_numpy(noise))


class WrongWidth(MeanEncoder):
    def __init__(self, vocab_size):
        super().__init__(vocab_size)
        self.output_dim = 2 * self.output_dim


class ReturnsStates(MeanEncoder):
    def forward(self, batch):
        return self.embed(batch.tokens)


class UpsideDown(MeanEncoder):
    def forward(self, batch):
        memory = super().forward(batch)
        return Memory(memory.states, ~batch.mask, memory.summary)


class Quarters(MeanEncoder):
    """Every fourth position, and a mask that rounds down."""

    step = 4

    def forward(self, batch):
        states = self.embed(batch.tokens)[:, :: self.step]
        lengths = batch.mask.sum(1, keepdim=True) // self.step
        mask = torch.arange(states.shape[1]) < lengths
        total = (states * mask[..., None]).sum(1)
        return Memory(states, mask, total / lengths.clamp(min=1))


class Halves(Quarters):
    step = 2


class AlwaysDrops(MeanEncoder):
    def forward(self, batch):
        memory = super().forward(batch)
        return Memory(F.dropout(memory.states, 0.5), memory.mask, memory.summary)


class MeansPadding(MeanEncoder):
    def forward(self, batch):
        states = self.embed(batch.tokens)
        return Memory(states, batch.mask, states.mean(1))


class ReadsBackFromPadding(MeanEncoder):
    """A bidirectional layer over the padded batch."""

    def __init__(self, vocab_size):
        super().__init__(vocab_size, 16)
        self.read = nn.GRU(16, 8, bidirectional=True, batch_first=True)

    def forward(self, batch):
        states, _ = self.read(self.embed(batch.tokens))
        return Memory(states, batch.mask, mean(states, batch.mask))


class TakesAllForReal(MeanEncoder):
    def forward(self, batch):
        memory = super().forward(batch)
        return Memory(memory.states, torch.ones_like(batch.mask), memory.summary)


class LeavesSorted(MeanEncoder):
    """Sorts rows by length, for packing, and forgets to sort them back."""

    def forward(self, batch):
        memory = super().forward(batch)
        order = batch.mask.sum(1).argsort(descending=True, stable=True)
        return memory.select(order)


class CentersTheBatch(MeanEncoder):
    def forward(self, batch):
        memory = super().forward(batch)
        return Memory(memory.states, memory.mask, memory.summary - memory.summary.mean(0))


class MovesFrozenStatistics(MeanEncoder):
    def __init__(self, vocab_size):
        super().__init__(vocab_size, 16)
        self.frozen = nn.Sequential(nn.Linear(16, 16), nn.BatchNorm1d(16)).requires_grad_(False)

    def forward(self, batch):
        memory = super().forward(batch)
        states = self.frozen(memory.states.flatten(0, 1)).view(memory.states.shape)
        states = states + memory.states
        return Memory(states, batch.mask, mean(states, batch.mask))


class CountsCalls(MeanEncoder):
    def __init__(self, vocab_size):
        super().__init__(vocab_size)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, batch):
        self.calls += 1
        return super().forward(batch)


class Detached(MeanEncoder):
    def __init__(self, vocab_size):
        super().__init__(vocab_size, 16)
        self.map = nn.Linear(16, 16)

    def forward(self, batch):
        states = self.map(self.embed(batch.tokens).detach())
        return Memory(states, batch.mask, mean(states, batch.mask))


class Thaws(MeanEncoder):
    """Freezes a part when made; train() sets it free."""

    def __init__(self, vocab_size):
        super().__init__(vocab_size, 16)
        self.map = nn.Linear(16, 16).requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        return self.requires_grad_(True) if mode else self

    def forward(self, batch):
        states = self.map(self.embed(batch.tokens))
        return Memory(states, batch.mask, mean(states, batch.mask))


class FixedType(MeanEncoder):
    """Adds into a tensor that is float32 whatever is computed in."""

    def __init__(self, vocab_size):
        super().__init__(vocab_size, 16)
        self.map = nn.Linear(16, 16)

    def forward(self, batch):
        states = self.map(self.embed(batch.tokens))
        rows, _ = batch.mask.nonzero(as_tuple=True)
        total = torch.zeros(len(states), 16).index_add(0, rows, states[batch.mask])
        return Memory(states, batch.mask, total / batch.mask.sum(1, keepdim=True))


class PlainList(MeanEncoder):
    """PyTorch sees no layer in a plain list: none is saved or trained."""

    def __init__(self, vocab_size):
        super().__init__(vocab_size, 16)
        self.layers = [nn.Linear(16, 16)]

    def forward(self, batch):
        states = self.layers[0](self.embed(batch.tokens))
        return Memory(states, batch.mask, mean(states, batch.mask))


class ReadsAFileHere(MeanEncoder):
    def __init__(self, vocab_size):
        with open("width.txt") as file:
            super().__init__(vocab_size, int(file.read()))


class Lambda(MeanEncoder):
    def __init__(self, vocab_size):
        super().__init__(vocab_size)
        self.bend = lambda states: torch.tanh(states)

    def forward(self, batch):
        states = self.bend(self.embed(batch.tokens))
        return Memory(states, batch.mask, mean(states, batch.mask))


class TunesItsStem(nn.Module):
    """What is to be kept changes as it is trained."""

    def __init__(self, width=16):
        super().__init__()
        self.output_dim = width
        self.stem = nn.Conv2d(3, width, 8, 8)
        self.stem_sha256 = "always the same"

    def features(self, pixels):
        return self.stem(pixels)

    def forward(self, batch: ImageBatch):
        maps = self.features(batch.pixels) if batch.features is None else batch.features
        states = maps.flatten(2).mT
        mask = torch.ones(states.shape[:2], dtype=torch.bool)
        return Memory(states, mask, states.mean(1), tuple(maps.shape[2:]))


class RowsOfItsOwn(Memory):
    def select(self, rows):
        return self


class OwnMemory(MeanEncoder):
    def forward(self, batch):
        memory = super().forward(batch)
        return RowsOfItsOwn(memory.states, memory.mask, memory.summary)


class Blind(MeanEncoder):
    """Embeds one and the same token at every place."""

    def forward(self, batch):
        states = self.embed(batch.tokens.clamp(max=1))
        return Memory(states, batch.mask, mean(states, batch.mask))
