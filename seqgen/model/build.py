"""From settings to a model: the encoder found by its import path, the decoder put behind it."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from seqgen.errors import UserError
from seqgen.model.decoder import Decoder, DecoderConfig
from seqgen.model.memory import Memory


@dataclass(frozen=True)
class ModelConfig:
    """The table ``[model]``: which encoder, with which arguments, and which decoder."""

    encoder: str = "seqgen.model.rnn:RNNEncoder"  # package.module:Class; "" for none
    encoder_options: dict[str, Any] = field(default_factory=dict)  # its keyword arguments
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    tied_embeddings: bool = True  # encoder and decoder share one embedding (joint vocabulary)


class NoEncoder(nn.Module):
    """Stands before the decoder of a language model, which writes from nothing."""

    def forward(self, batch: Any) -> Memory:
        """Refuse ``batch``."""
        raise UserError("a language model has no encoder", fix="load it as a Writer")


class Seq2Seq(nn.Module):
    """An encoder and the decoder that writes from its memory.

    Args:
        encoder: any module with an integer ``output_dim`` that turns a batch into a ``Memory``,
            or ``NoEncoder``.
        decoder: built for that ``output_dim``, or for no memory.
    """

    def __init__(self, encoder: nn.Module, decoder: Decoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def encode(self, batch: Any) -> Memory:
        """The memory of a batch, checked to be one."""
        memory = self.encoder(batch)
        if not isinstance(memory, Memory):
            kind = type(memory).__name__
            raise UserError(
                f"the encoder returned {kind}",
                type(self.encoder).__name__,
                "return a seqgen Memory",
            )
        return memory

    def forward(self, batch: Any, tokens: Tensor) -> Tensor:
        """Logits [B, T, V] under teacher forcing of ``tokens`` [B, T] (BOS first)."""
        logits: Tensor = self.decoder(self.encode(batch), tokens)
        return logits


def find_class(spec: str) -> type[nn.Module]:
    """The class that ``package.module:Class`` names.

    Raises:
        UserError: the module or the class does not exist, or it is no torch module.
    """
    module_name, colon, class_name = spec.partition(":")
    if not (module_name and colon and class_name):
        raise UserError(f"'{spec}' does not name an encoder", fix="write package.module:Class")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise UserError(
            f"there is no module '{module_name}'",
            f"encoder '{spec}'",
            "install it or set PYTHONPATH",
        ) from error
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise UserError(
            f"'{class_name}' is no torch module of '{module_name}'", f"encoder '{spec}'"
        )
    return found


def build_encoder(spec: str, options: dict[str, Any], vocab_size: int) -> nn.Module:
    """The encoder ``spec`` made with ``options``, and with ``vocab_size`` if it asks for it.

    Raises:
        UserError: it refuses the options, or has no integer ``output_dim``.
    """
    kind = find_class(spec)
    wanted = inspect.signature(kind).parameters
    arguments = {"vocab_size": vocab_size, **options} if "vocab_size" in wanted else options
    try:
        inspect.signature(kind).bind(**arguments)
    except TypeError as error:
        known = ", ".join(name for name in wanted if name != "vocab_size")
        raise UserError(f"{error}", f"encoder '{spec}'", f"its options are {known}") from error
    encoder = kind(**arguments)
    if not isinstance(getattr(encoder, "output_dim", None), int):
        raise UserError("has no integer 'output_dim'", f"encoder '{spec}'")
    return encoder


def build_seq2seq(config: ModelConfig, source_size: int, target_size: int, seed: int) -> Seq2Seq:
    """A model with fresh weights, a function of the arguments alone.

    Args:
        config: the table ``[model]``.
        source_size: number of source token ids.
        target_size: number of target token ids.
        seed: of the initial weights.

    Raises:
        UserError: the encoder cannot be made, or embeddings cannot be tied.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if not config.encoder:
            return Seq2Seq(NoEncoder(), Decoder(target_size, None, config.decoder))
        encoder = build_encoder(config.encoder, config.encoder_options, source_size)
        decoder = Decoder(target_size, int(encoder.output_dim), config.decoder)  # type: ignore[arg-type]
    if config.tied_embeddings:
        _tie(encoder, decoder)
    return Seq2Seq(encoder, decoder)


def _tie(encoder: nn.Module, decoder: Decoder) -> None:
    embed = getattr(encoder, "embed", None)
    if not isinstance(embed, nn.Embedding):
        raise UserError("the encoder has no 'embed' to tie", fix="set tied_embeddings = false")
    if not isinstance(decoder.embed, nn.Embedding):
        raise UserError("one-hot tokens are not to tie", fix="set tied_embeddings = false")
    if embed.weight.shape != decoder.embed.weight.shape:
        raise UserError(
            f"cannot tie embeddings of {tuple(embed.weight.shape)} and"
            f" {tuple(decoder.embed.weight.shape)}",
            fix="use a joint vocabulary and one width, or set tied_embeddings = false",
        )
    embed.weight = decoder.embed.weight
