"""How well a language model knows a text: nats, perplexity, bits per character."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqgen.scoring.metrics import Metric


@dataclass(frozen=True)
class Measure:
    """What a model made of a text: minus its log-probability, over tokens and characters."""

    nats: float
    tokens: int
    characters: int

    @property
    def perplexity(self) -> float:
        """Exp of the nats of a token."""
        return math.exp(min(700.0, self.nats / self.tokens))

    @property
    def nats_per_character(self) -> float:
        """Comparable whatever the tokens are."""
        return self.nats / self.characters

    @property
    def bits_per_character(self) -> float:
        """The same in bits."""
        return self.nats_per_character / math.log(2)

    def __str__(self) -> str:
        return (
            f"{self.nats_per_character:.4f} nats, {self.bits_per_character:.4f} bits a character,"
            f" perplexity {self.perplexity:.2f} a token"
        )

    def metrics(self) -> list[Metric]:
        """Bits per character and perplexity, each with what it is over."""
        return [
            Metric("bits per character", self.bits_per_character, _over(self, "characters"),
                   None, None, self.characters),
            Metric("perplexity", self.perplexity, _over(self, "tokens"),
                   None, None, self.tokens),
        ]  # fmt: skip


def _over(measure: Measure, what: str) -> str:
    return f"over:{what}|tokens:{measure.tokens}|chars:{measure.characters}|state:carried"


def stream_nats(each: Sequence[Iterator[npt.NDArray[np.floating]]]) -> float:
    """Minus the log-probability of a whole stream of tokens, each given all before it.

    Args:
        each: for every model of an ensemble the log-probabilities of the tokens, in parts of
            the same shapes; of several, the mean probability counts.

    Returns:
        Nats, the sum over all tokens.
    """
    share = math.log(len(each))
    return -math.fsum(
        float(np.logaddexp.reduce(np.stack(parts).astype(np.float64) - share, axis=0).sum())
        for parts in zip(*each, strict=True)
    )
