"""Encoders of one's own, as a user would write them."""

import torch
from torch import nn

from seqgen.model.memory import ImageBatch, Memory, TextBatch, WordBatch
from seqgen.model.words import WordEncoder


def mean(states, mask):
    """[B, D], over what is real."""
    return (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


class MeanEncoder(nn.Module):
    """That of the README."""

    def __init__(self, vocab_size: int, width: int = 256):
        super().__init__()
        self.output_dim = width
        self.embed = nn.Embedding(vocab_size, width)

    def forward(self, batch) -> Memory:
        states = self.embed(batch.tokens)  # [B, S, D]
        summary = (states * batch.mask[..., None]).sum(1) / batch.mask.sum(1, keepdim=True)
        return Memory(states, batch.mask, summary)


class ConvEncoder(nn.Module):
    def __init__(self, vocab_size: int, width: int = 32, layers: int = 2):
        super().__init__()
        self.output_dim = width
        self.embed = nn.Embedding(vocab_size, width)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 3, padding=1) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, batch: TextBatch) -> Memory:
        real = batch.mask[..., None]
        states = self.embed(batch.tokens)
        for layer in self.layers:
            states = states + torch.relu(layer((states * real).mT)).mT
        states = self.norm(states)
        return Memory(states, batch.mask, mean(states, batch.mask))


class TransformerEncoder(nn.Module):
    def __init__(self, vocab_size: int, width: int = 32, layers: int = 2, heads: int = 2):
        super().__init__()
        self.output_dim = width
        self.embed = nn.Embedding(vocab_size, width)
        self.place = nn.Embedding(64, width)
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, 0.1, batch_first=True)
        self.read = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, batch: TextBatch) -> Memory:
        states = self.embed(batch.tokens) + self.place.weight[: batch.tokens.shape[1]]
        states = self.read(states, src_key_padding_mask=~batch.mask)
        return Memory(states, batch.mask, mean(states, batch.mask))


class StrideEncoder(MeanEncoder):
    """Every second position."""

    def forward(self, batch: TextBatch) -> Memory:
        states, mask = self.embed(batch.tokens)[:, ::2], batch.mask[:, ::2]
        return Memory(states, mask, mean(states, mask))


class PixelEncoder(nn.Module):
    """A convolution over patches, of any shape."""

    def __init__(self, width: int = 16, high: int = 16, wide: int = 16):
        super().__init__()
        self.output_dim = width
        self.patch = nn.Conv2d(3, width, (high, wide), (high, wide))

    def forward(self, batch: ImageBatch) -> Memory:
        maps = self.patch(batch.pixels)
        states = maps.flatten(2).transpose(1, 2)
        mask = torch.ones(states.shape[:2], dtype=torch.bool)
        return Memory(states, mask, states.mean(1), tuple(maps.shape[2:]))


class SpelledEncoder(nn.Module):
    """Words of one to three characters, which their ids tell, for what takes batches of text."""

    def __init__(self, vocab_size: int, reader: str):
        super().__init__()
        self.words = WordEncoder(vocab_size, 10, 16, 8, 8, 16, cell="gru", reader=reader)
        self.output_dim = self.words.output_dim

    def forward(self, batch: TextBatch) -> Memory:
        words = batch.tokens.reshape(-1)  # [U]
        characters = torch.stack([words % 6, words // 6 % 6, words // 36 % 6], 1) + 4
        lengths = 1 + (words >= 6).long() + (words >= 12).long()
        real = torch.arange(3) < lengths[:, None]
        spelled = torch.arange(len(words)).view_as(batch.tokens)
        spellings = TextBatch(characters.masked_fill(~real, 0), real)
        return self.words(WordBatch(batch.tokens, batch.mask, spelled, spellings))
