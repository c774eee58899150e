"""How a trained model searches unless it is told otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from seqgen.search.beam import Beam
from seqgen.search.sample import Greedy
from seqgen.search.step import Strategy


@dataclass(frozen=True)
class SearchConfig:
    """The table ``[search]``."""

    beam_size: int = 5  # 1 is greedy
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0
    max_ratio: float = 2.0  # an output has at most max_ratio * source tokens + max_extra tokens
    max_extra: int = 10


def default_strategy(search: SearchConfig) -> Strategy:
    """The strategy that ``search`` names: beam search, or greedy for a beam of one."""
    if search.beam_size == 1:
        return Greedy()
    return Beam(
        size=search.beam_size,
        length_penalty=search.length_penalty,
        coverage_penalty=search.coverage_penalty,
    )
