"""Random models of every kind over so few tokens that all they can write can be enumerated."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from seqgen.model.backbones import build_backbone
from seqgen.model.build import ModelConfig, Seq2Seq, build_seq2seq
from seqgen.model.decoder import DecoderConfig
from seqgen.model.inputs import text_batch
from seqgen.model.language import LanguageStepper
from seqgen.model.memory import ImageBatch
from seqgen.model.stepper import ModelStepper
from seqgen.text import BOS, EOS

VOCAB = 6  # with PAD, UNK, BOS and EOS, which a search treats like the others but for EOS
_FEED = 4  # what a language model takes for a line feed


class Kind(NamedTuple):
    """A model and 64 inputs of different size for it.

    ``batch`` makes of inputs what ``stepper.start`` takes; ``force`` gives the log-probabilities
    [T + 1, V] after each beginning of T tokens, under teacher forcing, for one input.
    """

    model: Seq2Seq
    stepper: Any
    inputs: list[Any]
    sizes: list[int]
    batch: Callable[[list[Any]], Any]
    force: Callable[[Any, list[int]], Tensor]

    def forced(self, item: Any, tokens: tuple[int, ...]) -> list[float]:
        """The log-probability of each of ``tokens`` and of EOS after them."""
        rows = self.force(item, list(tokens)).tolist()
        return [row[token] for row, token in zip(rows, (*tokens, EOS), strict=True)]

    def following(self, item: Any, limit: int) -> dict[tuple[int, ...], list[float]]:
        """After each of all beginnings of up to ``limit`` tokens the log-probabilities [V]."""
        others = [token for token in range(VOCAB) if token != EOS]
        whole = itertools.product(others, repeat=limit)
        found: dict[tuple[int, ...], list[float]] = {}
        for tokens in whole:
            rows = self.force(item, list(tokens)).tolist()
            found.update({tokens[:n]: rows[n] for n in range(limit + 1)})
        return found


def _built(config: ModelConfig, source: int, dtype: torch.dtype) -> Seq2Seq:
    model = build_seq2seq(config, source, VOCAB, seed=5).to(dtype).eval()
    for parameter in model.parameters():  # far from uniform, so that differences would show
        parameter.data.mul_(2.0)
    return model


def _decoder(**options: Any) -> DecoderConfig:
    return DecoderConfig(**{"embedding_dim": 8, "hidden_dim": 12, **options})


def _seq2seq(
    config: ModelConfig,
    source: int,
    dtype: torch.dtype,
    inputs: list[Any],
    sizes: list[int],
    batch: Callable[[list[Any]], Any],
) -> Kind:
    model = _built(config, source, dtype)

    @torch.no_grad()
    def force(item: Any, tokens: list[int]) -> Tensor:
        logits = model(batch([item]), torch.tensor([[BOS, *tokens]]))
        return torch.log_softmax(logits[0], -1)

    return Kind(model, ModelStepper(model), inputs, sizes, batch, force)


def translator(dtype: torch.dtype = torch.float64, **decoder: Any) -> Kind:
    """Reads rows of tokens; ``cell`` goes to both sides."""
    options = {"embedding_dim": 8, "hidden_dim": 6, "cell": decoder.get("cell", "lstm")}
    config = ModelConfig(encoder_options=options, decoder=_decoder(**decoder))
    chance = np.random.default_rng(1)
    sizes = chance.integers(1, 9, 64).tolist()
    rows = [chance.integers(4, VOCAB, size).tolist() for size in sizes]
    return _seq2seq(config, VOCAB, dtype, rows, sizes, text_batch)


def captioner(dtype: torch.dtype = torch.float64, pooled: bool = False, **decoder: Any) -> Kind:
    """Reads maps of features, 2 x 3 places."""
    options = {"backbone": "small", "weights": "none", "output_dim": 12, "pooled": pooled}
    config = ModelConfig(
        "seqgen.model.cnn:CNNEncoder", options, _decoder(**decoder), tied_embeddings=False
    )
    width = build_backbone("small").channels
    generator = torch.Generator().manual_seed(2)
    maps = list(torch.randn(64, width, 2, 3, generator=generator).to(dtype))
    return _seq2seq(
        config, 0, dtype, maps, [1] * 64, lambda some: ImageBatch(features=torch.stack(some))
    )


def writer(dtype: torch.dtype = torch.float64, **decoder: Any) -> Kind:
    """Reads the beginnings of texts."""
    config = ModelConfig("", decoder=_decoder(**{**decoder, "attention": "none"}))
    model = _built(config, 0, dtype)
    chance = np.random.default_rng(3)
    rows = [chance.integers(0, VOCAB, size).tolist() for size in chance.integers(0, 6, 64)]

    @torch.no_grad()
    def force(item: Any, tokens: list[int]) -> Tensor:
        logits = model.decoder(None, torch.tensor([[_FEED, *item, *tokens]]))
        return torch.log_softmax(logits[0, len(item) :], -1)

    return Kind(model, LanguageStepper(model, _FEED), rows, [1] * 64, list, force)


KINDS: dict[str, Callable[..., Kind]] = {
    "translator": translator,
    "captioner": captioner,
    "writer": writer,
}
