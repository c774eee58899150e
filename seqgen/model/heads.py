"""Heads, which label what an encoder has read, and the models that end in one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from seqgen.errors import UserError
from seqgen.model.attention import Attention
from seqgen.model.build import build_encoder, encode
from seqgen.model.embedding import VectorEmbedding
from seqgen.model.memory import Memory
from seqgen.model.windows import maximum

Pooling = Literal["summary", "last", "mean", "max", "attention"]


@dataclass(frozen=True)
class ClassifierHeadConfig:
    """What the head of a classifier is made of."""

    # What it reads: the encoder's own ``summary``; ``last``, the states at both ends, where a
    # recurrent layer has read everything in one direction or the other; the ``mean`` or the
    # ``max`` of all states; or a mean weighted by ``attention``.
    pooling: Pooling = "max"
    hidden_dim: int = 0  # units of a layer between (ReLU); 0 for none
    dropout: float = 0.5  # on what is read, and on the layer between

    def __post_init__(self) -> None:
        if self.hidden_dim < 0:
            raise UserError(f"head hidden_dim must be 0 or more, not {self.hidden_dim}")
        if not 0.0 <= self.dropout < 1.0:
            raise UserError(f"head dropout must be in [0, 1), not {self.dropout}")


class ClassifierHead(nn.Module):
    """One label for a whole memory: its positions pooled, then a linear map.

    Args:
        memory_dim: D, width of a state.
        labels: L, number of labels.
        config: see its class.
    """

    def __init__(self, memory_dim: int, labels: int, config: ClassifierHeadConfig) -> None:
        super().__init__()
        self.pooling = config.pooling
        width = memory_dim * (2 if config.pooling == "last" else 1)
        self.query: nn.Parameter | None = None
        if config.pooling == "attention":  # one learned question (Yang et al. 2016)
            self.attention = Attention(memory_dim, memory_dim, "general")
            self.query = nn.Parameter(torch.zeros(memory_dim))  # at first, the mean
        self.dropout = nn.Dropout(config.dropout)
        self.between: nn.Module = nn.Identity()
        if config.hidden_dim:
            layer = nn.Linear(width, config.hidden_dim)
            self.between = nn.Sequential(layer, nn.ReLU(), nn.Dropout(config.dropout))
        self.output = nn.Linear(config.hidden_dim or width, labels)

    def forward(self, memory: Memory) -> Tensor:
        """Logits [B, L] of the labels of ``memory``."""
        logits: Tensor = self.output(self.read(memory))
        return logits

    def read(self, memory: Memory) -> Tensor:
        """What the output layer reads, [B, E]."""
        found: Tensor = self.between(self.dropout(self.pool(memory)))
        return found

    def pool(self, memory: Memory) -> Tensor:
        """One vector [B, D] for each memory, of its real positions alone; [B, 2 D] for ``last``."""
        states, real = memory.states, memory.mask[..., None]
        if self.query is not None:
            queries = self.query.expand(states.shape[0], 1, -1)
            context: Tensor = self.attention(queries, self.attention.prepare(memory))[0]
            return context.squeeze(1)
        if self.pooling == "last":
            ends = memory.mask.sum(1) - 1
            last = states[torch.arange(states.shape[0], device=states.device), ends]
            return torch.cat([last, states[:, 0]], -1)
        if self.pooling == "mean":
            return states.masked_fill(~real, 0.0).sum(1) / real.sum(1)
        if self.pooling == "max":
            return maximum(states, memory.mask)
        return memory.summary


@dataclass(frozen=True)
class VectorsConfig:
    """The sizes of given word vectors; see ``VectorEmbedding``."""

    learned: int  # K, tokens with an embedding of their own beside the vector
    width: int  # F


@dataclass(frozen=True)
class ClassifierModelConfig:
    """The table ``[model]`` of a classifier: which encoder, with which arguments, and the head."""

    encoder: str = "seqgen.model.rnn:RNNEncoder"  # package.module:Class
    encoder_options: dict[str, Any] = field(default_factory=dict)  # its keyword arguments
    head: ClassifierHeadConfig = field(default_factory=ClassifierHeadConfig)


class Labeller(nn.Module):
    """An encoder and a head that labels what it has read.

    Args:
        encoder: any module with an integer ``output_dim`` that turns a batch into a ``Memory``.
        head: turns a ``Memory`` into logits.
    """

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def encode(self, batch: Any) -> Memory:
        """The memory of a batch, checked to be one."""
        return encode(self.encoder, batch)

    def forward(self, batch: Any) -> Tensor:
        """Logits of the labels of a batch: [B, L] of a classifier, [B, S, L] of a tagger."""
        logits: Tensor = self.head(self.encode(batch))
        return logits


def build_classifier(
    config: ClassifierModelConfig,
    source_size: int,
    labels: int,
    seed: int,
    vectors: VectorsConfig | None = None,
) -> Labeller:
    """A classifier with fresh weights, a function of the arguments alone.

    Args:
        config: the table ``[model]``.
        source_size: number of source token ids.
        labels: L.
        seed: of the initial weights.
        vectors: of word vectors to be given beside the encoder's ``embed``, if any are.

    Raises:
        UserError: the encoder cannot be made, or has no ``embed`` for given word vectors.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        learned = vectors.learned if vectors else source_size
        encoder = build_encoder(config.encoder, config.encoder_options, learned)
        if vectors:
            embed = getattr(encoder, "embed", None)
            if not isinstance(embed, nn.Embedding):
                raise UserError("the encoder has no 'embed'", fix="leave data.vectors out")
            encoder.embed = VectorEmbedding(embed, source_size, vectors.width)
        head = ClassifierHead(int(encoder.output_dim), labels, config.head)  # type: ignore[arg-type]
    return Labeller(encoder, head)


class TaggerHead(nn.Module):
    """One label for each position of a memory: a linear map of its state.

    Args:
        memory_dim: D, width of a state.
        labels: L, number of labels.
    """

    def __init__(self, memory_dim: int, labels: int) -> None:
        super().__init__()
        self.output = nn.Linear(memory_dim, labels)

    def forward(self, memory: Memory) -> Tensor:
        """Logits [B, S, L] of the labels of each position; meaningless in the padding."""
        logits: Tensor = self.output(memory.states)
        return logits


@dataclass(frozen=True)
class TaggerModelConfig:
    """The table ``[model]`` of a tagger: which encoder, with which arguments."""

    encoder: str = "seqgen.model.words:WordEncoder"  # package.module:Class
    encoder_options: dict[str, Any] = field(default_factory=dict)  # its keyword arguments


def build_tagger(
    config: TaggerModelConfig, words: int, characters: int, labels: int, seed: int
) -> Labeller:
    """A tagger with fresh weights, a function of the arguments alone.

    Args:
        config: the table ``[model]``.
        words: number of word ids.
        characters: number of character ids.
        labels: L.
        seed: of the initial weights.

    Raises:
        UserError: the encoder cannot be made.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = build_encoder(config.encoder, config.encoder_options, words, characters)
        head = TaggerHead(int(encoder.output_dim), labels)  # type: ignore[arg-type]
    return Labeller(encoder, head)
