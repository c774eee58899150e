"""What the options of a search say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seqgen.errors import UserError

if TYPE_CHECKING:
    from seqgen.search.processors import Processor
    from seqgen.search.step import Strategy
    from seqgen.text import Tokenizer

_SILENT = (None, None, None, 1, 1)  # no word of a beam


@dataclass(frozen=True)
class Wishes:
    """What the options of a search say."""

    beam_size: int | None
    length_penalty: float | None
    coverage_penalty: float | None
    groups: int
    diversity: float
    n_best: int
    temperature: float | None
    top_p: float
    seed: int
    no_repeat: int
    bad_endings: list[str]
    own: list[str]  # specs of processors
    own_strategy: str | None

    def strategy(self, search: Any) -> Strategy:
        """What was asked for, the bundle's own settings where nothing was."""
        from seqgen.search.beam import Beam
        from seqgen.search.sample import Sample
        from seqgen.search.settings import default_strategy

        if self.own_strategy is not None:
            if self.temperature is not None or self._beam != _SILENT:
                raise UserError("is given beside options of another", "--strategy", "give one")
            own = replace(search, strategy=self.own_strategy, strategy_options={})
            return default_strategy(own)
        if self.temperature is not None:
            return Sample(self.temperature, top_p=self.top_p, samples=self.n_best, seed=self.seed)
        if search.strategy and self._beam == _SILENT:
            return default_strategy(search)
        size = search.beam_size if self.beam_size is None else self.beam_size
        length, coverage = self.length_penalty, self.coverage_penalty
        return Beam(
            size=max(size, self.n_best) if self.beam_size is None else size,
            length_penalty=search.length_penalty if length is None else length,
            coverage_penalty=search.coverage_penalty if coverage is None else coverage,
            n_best=self.n_best,
            groups=self.groups,
            diversity=self.diversity,
        )

    @property
    def _beam(self) -> tuple[Any, ...]:
        """What is said of a beam."""
        penalties = (self.length_penalty, self.coverage_penalty)
        return (self.beam_size, *penalties, self.groups, self.n_best)

    def processors(self, target: Tokenizer) -> list[Processor]:
        """Those asked for; ``target`` cuts the outputs into tokens."""
        from seqgen.parts import make
        from seqgen.search.processors import Ban, NoRepeat
        from seqgen.text import EOS

        found: list[Processor] = [NoRepeat(self.no_repeat)] if self.no_repeat else []
        if self.bad_endings:
            found.append(Ban(tuple((*ids, EOS) for ids in target.encode(self.bad_endings))))
        for spec in self.own:
            found.append(make("processor", spec, {}, target=target))
        return found
