"""A language model as the searches see it: its inputs are the beginnings of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqgen.model.build import Seq2Seq
from seqgen.model.decoder import State
from seqgen.search.top import top
from seqgen.text import EOS

_WINDOW = 1024  # tokens of a beginning read at once


@dataclass(frozen=True)
class Begun:
    """Where a language model stands in N texts.

    Attributes:
        state: of the decoder.
        first: [N, V], the log-probabilities after the beginnings, until they are asked for.
    """

    state: State
    first: Tensor | None


def join(states: list[State]) -> State:
    """The rows of several states of a language model, one after another."""
    layers = zip(*(state.cells for state in states), strict=True)
    cells = tuple(tuple(map(torch.cat, zip(*layer, strict=True))) for layer in layers)
    feeds = [state.feed for state in states if state.feed is not None]
    return State(cells, torch.cat(feeds) if feeds else None, None)


class LanguageStepper:
    """A ``Seq2Seq`` without encoder as a ``Stepper``; an input is a text's tokens so far.

    Args:
        model: in evaluation mode.
        feed: the token of the line feed, after which every text begins. It stands for BOS.
    """

    eos = EOS

    def __init__(self, model: Seq2Seq, feed: int) -> None:
        self.decoder, self.bos = model.decoder, feed
        self.vocab_size: int = model.decoder.output.out_features

    @torch.inference_mode()
    def start(self, inputs: Sequence[Sequence[int]]) -> Begun:
        """The state after the beginnings [B] of texts, each read by itself; all may be empty."""
        rows = [(self.bos, *tokens) for tokens in inputs]
        known = {row: self._read(row) for row in dict.fromkeys(rows)}
        states, reads = zip(*(known[row] for row in rows), strict=True)
        logits = self.decoder.output(torch.cat(reads))
        return Begun(join(list(states)), torch.log_softmax(logits, -1))

    def _read(self, tokens: tuple[int, ...]) -> tuple[State, Tensor]:
        """The state after ``tokens``, and the last readout [1, E]."""
        state = self.decoder.start(None, 1)
        for begin in range(0, len(tokens), _WINDOW):
            window = torch.tensor([tokens[begin : begin + _WINDOW]])
            reads, state = self.decoder.read(window, state)
        return state, reads[:, -1]

    @torch.inference_mode()
    def step(self, tokens: np.ndarray[Any, Any], state: Begun) -> tuple[Tensor, Begun, None]:
        """Log-probabilities [N, V] and the new state; what is fed first is in the state already."""
        if state.first is not None:
            return state.first, Begun(state.state, None), None
        log_probs, after, _ = self.decoder.step(torch.from_numpy(tokens), state.state)
        return log_probs, Begun(after, None), None

    @torch.inference_mode()
    def select(self, state: Begun, rows: np.ndarray[Any, Any]) -> Begun:
        """The rows [M] of ``state``, in that order."""
        order = torch.from_numpy(rows)
        first = None if state.first is None else state.first.index_select(0, order)
        return Begun(state.state.select(order), first)

    def top(self, log_probs: Any, k: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The k largest of each row [N, V], largest first: values and ids, each [N, k]."""
        return top(np.asarray(log_probs), k)
