"""A trained model as the searches see it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqgen.model.build import Seq2Seq
from seqgen.model.decoder import State
from seqgen.search.top import top
from seqgen.text import BOS, EOS


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
    ) -> tuple[Tensor, State, np.ndarray[Any, Any] | None]:
        """Log-probabilities [N, V], the new state, attention [N, S]."""
        log_probs, state, attention = self.model.decoder.step(torch.from_numpy(tokens), state)
        return log_probs, state, None if attention is None else attention.numpy()

    @torch.inference_mode()
    def select(self, state: State, rows: np.ndarray[Any, Any]) -> State:
        """The rows [M] of ``state``, in that order."""
        return state.select(torch.from_numpy(rows))

    def top(self, log_probs: Any, k: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The k largest of each row [N, V], largest first: values and ids, each [N, k]."""
        return top(np.asarray(log_probs), k)
