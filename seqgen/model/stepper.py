"""A trained model as the searches see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqgen.model.build import Seq2Seq
from seqgen.model.decoder import Decoder, State
from seqgen.search.top import top
from seqgen.text import BOS, EOS

_PIECE = 160  # rows


@dataclass(frozen=True)
class LogProbs:
    """Log-probabilities [N, V] that are computed when they are asked for.

    From the output layer to the choice of the best a piece of the rows stays in the cache.

    Attributes:
        decoder: whose output layer it is.
        reads: [N, E], readouts.
    """

    decoder: Decoder
    reads: Tensor

    @torch.inference_mode()
    def top(self, k: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The ``k`` largest of each row, largest first: values and tokens, each [N, k]."""
        count = max(1, round(len(self.reads) / _PIECE))
        pieces = torch.split(self.reads, -(-len(self.reads) // count))
        found = [top(self.decoder.log_probs(piece).numpy(), k) for piece in pieces]
        values, ids = zip(*found, strict=True)
        return np.concatenate(values), np.concatenate(ids)

    @torch.inference_mode()
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """All of them."""
        found = self.decoder.log_probs(self.reads).numpy()
        return found if dtype is None else found.astype(dtype)


class ModelStepper:
    """A ``Seq2Seq`` as a ``Stepper``.

    Its steps run under inference mode in the type of the model's weights. Put the model into
    evaluation mode first.

    Args:
        model: encoder and decoder.
    """

    bos, eos = BOS, EOS

    def __init__(self, model: Seq2Seq) -> None:
        self.model = model
        self.vocab_size: int = model.decoder.output.out_features

    @torch.inference_mode()
    def start(self, inputs: Any) -> State:
        """The state before the first token; ``inputs`` is a batch for the encoder."""
        memory = self.model.encode(inputs)
        return self.model.decoder.start(memory, memory.states.shape[0])

    @torch.inference_mode()
    def step(
        self, tokens: np.ndarray[Any, Any], state: State
    ) -> tuple[Any, State, np.ndarray[Any, Any] | None]:
        """Log-probabilities [N, V], the new state, attention [N, S]."""
        decoder = self.model.decoder
        reads, state, weights = decoder.advance(decoder.embed(torch.from_numpy(tokens)), state)
        return LogProbs(decoder, reads), state, None if weights is None else weights.numpy()

    @torch.inference_mode()
    def select(self, state: State, rows: np.ndarray[Any, Any]) -> State:
        """The rows [M] of ``state``, in that order."""
        return state.select(torch.from_numpy(rows))

    def top(self, log_probs: Any, k: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The k largest of each row [N, V], largest first: values and ids, each [N, k]."""
        return log_probs.top(k) if isinstance(log_probs, LogProbs) else top(log_probs, k)
