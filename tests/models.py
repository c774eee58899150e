"""Small random models and batches for the tests."""

import itertools
from pathlib import Path
from typing import Any

import torch

import seqgen
from seqgen.model.build import ModelConfig, Seq2Seq, build_seq2seq
from seqgen.model.decoder import DecoderConfig
from seqgen.model.memory import TextBatch

VOCAB = 23

CONFIGURATIONS = [
    {"cell": cell, "attention": attention, "input_feeding": feeding, "layers": layers}
    for cell, attention, feeding, layers in itertools.product(
        ("lstm", "gru", "rnn"), ("dot", "general", "mlp", "none"), (False, True), (1, 2, 3)
    )
]


def small(dtype: torch.dtype = torch.float64, seed: int = 1, **decoder: object) -> Seq2Seq:
    """An encoder of 2 x 6 units and a decoder of 12; ``cell`` goes to both."""
    options = {"embedding_dim": 8, "hidden_dim": 6, "layers": 2}
    if "cell" in decoder:
        options["cell"] = decoder["cell"]
    settings = DecoderConfig(**{"embedding_dim": 8, "hidden_dim": 12, **decoder})
    config = ModelConfig(encoder_options=options, decoder=settings)
    model = build_seq2seq(config, VOCAB, VOCAB, seed).to(dtype).eval()
    for parameter in model.parameters():  # far from uniform, so that differences would show
        parameter.data.mul_(2.0)
    return model


def batch(lengths: list[int], seed: int = 0) -> TextBatch:
    """Random tokens of the given lengths; padding holds random tokens too, never read."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(4, VOCAB, (len(lengths), max(lengths)), generator=generator)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return TextBatch(tokens, mask)


def loaded_double(*folders: Path) -> Any:
    """A trained model, or an ensemble, in float64, where no batch changes what a row gives."""
    model = seqgen.load(*folders)
    for bundle in model.bundles:
        bundle.model.double()
    return model


def row(whole: TextBatch, index: int) -> TextBatch:
    """One row of a batch by itself, without padding."""
    length = int(whole.mask[index].sum())
    part = slice(index, index + 1)
    return TextBatch(whole.tokens[part, :length], whole.mask[part, :length])
