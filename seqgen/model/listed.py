"""A translator whose output layer asks for a shortlist of tokens only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqgen.data.batches import pad
from seqgen.data.shortlist import Shortlist
from seqgen.model.build import Seq2Seq
from seqgen.model.decoder import owners
from seqgen.model.int8 import Int8Linear
from seqgen.model.linear import linear
from seqgen.model.memory import TextBatch
from seqgen.model.stepper import ModelStepper
from seqgen.search.top import top
from seqgen.text import EOS

Output = nn.Linear | Int8Linear

_UNIT = 256  # outputs of a batch come by so many, since some products have a kernel for each number


@dataclass(frozen=True)
class Few:
    """Log-probabilities of some tokens; all others have none.

    Attributes:
        values: [N, c], -inf behind the end of a list.
        tokens: [B, c] int64, ascending in each list; N is a multiple of B.
        size: V.
    """

    values: np.ndarray[Any, Any]
    tokens: np.ndarray[Any, Any]
    size: int

    def top(self, k: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The ``k`` largest of each row, largest first: values and tokens, each [N, k]."""
        count = min(k, self.values.shape[1])
        values, places = top(self.values, count)
        tokens = self.tokens[self._inputs()[:, None], places]
        short = ((0, 0), (0, k - count))
        return np.pad(values, short, constant_values=-np.inf), np.pad(tokens, short)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """Those of all tokens, [N, V]."""
        found = np.full((len(self.values), self.size), -np.inf, dtype or self.values.dtype)
        row, place = np.nonzero(self.values > -np.inf)
        found[row, self.tokens[self._inputs()[row], place]] = self.values[row, place]
        return found

    def _inputs(self) -> np.ndarray[Any, Any]:
        rows = len(self.values)
        return np.arange(rows) // (rows // len(self.tokens))


@dataclass(frozen=True)
class Lists:
    """What the outputs of B inputs may be made of.

    Attributes:
        tokens: [B, c], each input's own, ascending; any behind the end of a list.
        places: [B, 1, c], where they stand among the outputs of ``output``.
        bias: [B, 1, c], -inf behind the end of a list, else 0.
        output: from readouts [N, E] to logits [N, U] of the tokens of all lists.
    """

    tokens: np.ndarray[Any, Any]
    places: Tensor
    bias: Tensor
    output: Callable[[Tensor], Tensor]

    @classmethod
    def of(cls, own: Sequence[np.ndarray[Any, Any]], output: Output) -> Lists:
        """Those of inputs that may have the tokens ``own``, of an output layer."""
        union = np.unique(np.concatenate(own))
        tokens = pad(own)
        real = np.arange(tokens.shape[1]) < np.array([len(one) for one in own])[:, None]
        places = np.where(real, np.searchsorted(union, tokens), 0)
        bias = torch.where(torch.from_numpy(real), 0.0, -torch.inf).to(output.bias.dtype)
        some = torch.from_numpy(np.pad(union, (0, -len(union) % _UNIT)))
        return cls(tokens, torch.from_numpy(places)[:, None], bias[:, None], _part(output, some))

    def log_probs(self, reads: Tensor, size: int) -> Few:
        """Of the tokens of each list after readouts [N, E]; ``size`` is V."""
        logits = self.output(reads)
        groups = logits.view(len(self.tokens), -1, logits.shape[-1])
        own = groups.gather(2, self.places.expand(-1, groups.shape[1], -1))
        values = torch.log_softmax(own + self.bias, -1).flatten(0, 1)
        return Few(values.numpy(), self.tokens, size)

    def select(self, inputs: Tensor) -> Lists:
        """Those of ``inputs`` [M], in that order."""
        kept = self.tokens[inputs.numpy()], self.places[inputs], self.bias[inputs]
        return Lists(*kept, self.output)


def _part(output: Output, tokens: Tensor) -> Callable[[Tensor], Tensor]:
    """An output layer for some tokens."""
    if isinstance(output, Int8Linear):
        return output.part(tokens)
    return partial(linear, weight=output.weight[tokens], bias=output.bias[tokens])


class ListedStepper(ModelStepper):
    """A ``ModelStepper`` that chooses among the tokens of a shortlist.

    Probabilities are those of the softmax over an input's own list, whatever stands beside the
    input in a batch.

    Args:
        model: encoder and decoder.
        shortlist: of its tokens.
    """

    def __init__(self, model: Seq2Seq, shortlist: Shortlist) -> None:
        super().__init__(model)
        self.shortlist = shortlist

    @torch.inference_mode()
    def start(self, inputs: TextBatch) -> Any:
        """The state before the first token, and the lists of ``inputs``."""
        own = allowed(self.shortlist, inputs)
        return super().start(inputs), Lists.of(own, self.model.decoder.output)

    @torch.inference_mode()
    def step(self, tokens: np.ndarray[Any, Any], state: Any) -> Any:
        """Log-probabilities of each row's list, the new state, attention [N, S]."""
        decoder, (inner, lists) = self.model.decoder, state
        reads, inner, weights = decoder.advance(decoder.embed(torch.from_numpy(tokens)), inner)
        attention = None if weights is None else weights.numpy()
        return lists.log_probs(reads, self.vocab_size), (inner, lists), attention

    @torch.inference_mode()
    def select(self, state: Any, rows: np.ndarray[Any, Any]) -> Any:
        """The rows [M] of ``state``, in that order."""
        inner, lists = state
        chosen, count = torch.from_numpy(rows), len(lists.tokens)
        inputs = owners(chosen, inner.rows // count, count)
        return inner.select(chosen), lists if inputs is None else lists.select(inputs)

    def top(self, log_probs: Any, k: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """See ``ModelStepper.top``."""
        return log_probs.top(k) if isinstance(log_probs, Few) else super().top(log_probs, k)


def allowed(shortlist: Shortlist, batch: TextBatch) -> list[np.ndarray[Any, Any]]:
    """The tokens that an output may have, for each input of ``batch``."""
    rows = zip(batch.tokens.numpy(), batch.mask.numpy(), strict=True)
    texts = (row[real] for row, real in rows)
    return [shortlist.allowed(text[text != EOS].tolist()) for text in texts]


def allowed_mask(shortlist: Shortlist, batch: TextBatch) -> Tensor:
    """The same as bool [B, V]."""
    found = torch.zeros(len(batch.tokens), shortlist.size, dtype=torch.bool)
    for row, tokens in zip(found, allowed(shortlist, batch), strict=True):
        row[torch.from_numpy(tokens)] = True
    return found
