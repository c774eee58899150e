"""Several models that search as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqgen.errors import UserError
from seqgen.search.history import IntArray
from seqgen.search.step import Array, Stepper
from seqgen.search.top import top


class Ensemble:
    """Several steppers that search as one: the mean of their probabilities.

    The mean is taken of probabilities, not of log-probabilities, so what comes out sums to one
    again and a token that one model rules out stays possible. Attention is the mean as well,
    where every model attends over the same positions, and None otherwise.

    Args:
        steppers: at least one; they take the same inputs and share their vocabulary.

    Raises:
        UserError: there are none, or they differ in vocabulary size, BOS or EOS.
    """

    def __init__(self, steppers: Sequence[Stepper[Any]]) -> None:
        if not steppers:
            raise UserError("an ensemble needs at least one model")
        kinds = [(s.vocab_size, s.bos, s.eos) for s in steppers]
        for number, kind in enumerate(kinds[1:], start=2):
            if kind != kinds[0]:
                raise UserError(
                    f"model {number} of the ensemble has (vocabulary, BOS, EOS) = {kind},"
                    f" the first has {kinds[0]}",
                    fix="combine models that were trained with the same tokenizer",
                )
        self._steppers = tuple(steppers)
        self.vocab_size, self.bos, self.eos = kinds[0]

    def start(self, inputs: Any) -> tuple[Any, ...]:
        """The states of all models."""
        return tuple(s.start(inputs) for s in self._steppers)

    def step(
        self, tokens: IntArray, state: tuple[Any, ...]
    ) -> tuple[npt.NDArray[Any], tuple[Any, ...], npt.NDArray[Any] | None]:
        """log((1/M) Σ exp log p), as NumPy arrays in the models' own precision."""
        results = [s.step(tokens, own) for s, own in zip(self._steppers, state, strict=True)]
        log_probs = [np.asarray(result[0]) for result in results]
        peak = log_probs[0]
        for other in log_probs[1:]:
            peak = np.maximum(peak, other)
        safe = np.maximum(peak, np.finfo(peak.dtype).min)  # no -inf - -inf where all rule it out
        mean = np.mean([np.exp(values - safe) for values in log_probs], axis=0)
        with np.errstate(divide="ignore"):
            mixed = np.log(mean) + safe
        attention = [np.asarray(result[2]) for result in results if result[2] is not None]
        one_shape = len({weights.shape for weights in attention}) == 1
        shared = None
        if one_shape and len(attention) == len(results):
            shared = np.mean(attention, axis=0)
        return mixed, tuple(result[1] for result in results), shared

    def select(self, state: tuple[Any, ...], rows: IntArray) -> tuple[Any, ...]:
        """The rows of every model's state."""
        return tuple(s.select(own, rows) for s, own in zip(self._steppers, state, strict=True))

    def top(self, log_probs: Array, k: int) -> tuple[npt.NDArray[Any], IntArray]:
        """The most probable tokens, by `seqgen.search.top.top`."""
        return top(np.asarray(log_probs), k)
