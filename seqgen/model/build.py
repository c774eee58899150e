"""From settings to a model: the encoder found by its import path, the decoder put behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from seqgen.errors import UserError
from seqgen.model.decoder import Decoder, DecoderConfig
from seqgen.model.memory import Memory
from seqgen.parts import arguments
from seqgen.plugins import preset, resolve
from seqgen.sources import trace


@dataclass(frozen=True)
class ModelConfig:
    """The table ``[model]``: which encoder, with which arguments, and which decoder."""

    encoder: str = "seqgen.model.rnn:RNNEncoder"  # a spec, see seqgen.plugins; "" for none
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
        return encode(self.encoder, batch)

    def forward(self, batch: Any, tokens: Tensor) -> Tensor:
        """Logits [B, T, V] under teacher forcing of ``tokens`` [B, T] (BOS first)."""
        logits: Tensor = self.decoder(self.encode(batch), tokens)
        return logits


def encode(encoder: nn.Module, batch: Any) -> Memory:
    """The memory that ``encoder`` makes of a batch, checked to be one.

    Raises:
        UserError: it is something else.
    """
    try:
        memory = encoder(batch)
    except AttributeError as error:
        if error.obj is not batch:
            raise
        kind, has = type(batch).__name__, ", ".join(vars(batch))
        raise UserError(
            f"the encoder asks for '{error.name}', but {kind} has {has}", type(encoder).__name__
        ) from error
    if not isinstance(memory, Memory):
        kind = type(memory).__name__
        raise UserError(
            f"the encoder returned {kind}", type(encoder).__name__, "return a seqgen Memory"
        )
    return memory


def find_class(spec: str) -> type[nn.Module]:
    """The class of the encoder that ``spec`` names; see ``seqgen.plugins``.

    Raises:
        UserError: ``spec`` names nothing that can be imported, or no torch module.
    """
    found = resolve(spec)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise UserError("is no torch module", f"encoder '{spec}'", "derive it from torch.nn.Module")
    return found


def build_encoder(
    spec: str, options: dict[str, Any], vocab_size: int, characters: int | None = None
) -> nn.Module:
    """The encoder ``spec`` made with ``options``, and with ``vocab_size`` if it asks for it.

    One that reads words may ask for the number of ``characters`` too. The options go through
    JSON first, so that it is made of what a bundle will hold.

    Raises:
        UserError: it refuses the options, JSON cannot hold them, or the encoder has no integer
            ``output_dim``.
    """
    kind, where = find_class(spec), f"encoder '{spec}'"
    trace(spec, kind)  # its source as it is now, not when it is asked for
    sizes = {"vocab_size": vocab_size}
    if characters is not None:
        sizes["characters"] = characters
    chosen = arguments(kind, preset(spec) | options, where, **sizes)
    encoder: nn.Module = kind(**chosen)
    if not isinstance(getattr(encoder, "output_dim", None), int):
        raise UserError("has no integer 'output_dim'", where, "set self.output_dim")
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
