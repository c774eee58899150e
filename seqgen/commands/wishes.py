"""What the options of a search are, and what they say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqgen.commands.own import Own
from seqgen.errors import UserError

if TYPE_CHECKING:
    from seqgen.search.processors import Processor
    from seqgen.search.step import Strategy
    from seqgen.text import Tokenizer

_SILENT = (None, None, None, 1, 1)  # no word of a beam


@dataclass(frozen=True)
class Wishes:
    """What the options of a search say."""

    beam_size: Annotated[int | None, typer.Option(help="1 is greedy.")] = None
    length_penalty: Annotated[float | None, typer.Option(help="Above 0 favours long.")] = None
    coverage_penalty: Annotated[float | None, typer.Option(help="0 is off.")] = None
    groups: Annotated[int, typer.Option(help="Diverse beam search: groups of the beam.")] = 1
    diversity: Annotated[float, typer.Option(help="With --groups: nats.")] = 0.0
    n_best: Annotated[int, typer.Option(help="Outputs an input.")] = 1
    temperature: Annotated[float | None, typer.Option(help="Sample instead of a beam.")] = None
    top_p: Annotated[float, typer.Option(help="With --temperature.")] = 1.0
    seed: Annotated[int, typer.Option(help="With --temperature.")] = 0
    no_repeat: Annotated[int, typer.Option(help="No n-gram of this size twice; 0 = off.")] = 0
    bad_ending: Annotated[list[str] | None, typer.Option(help="No output ends in these words.")] = (
        None
    )
    own: Own = field(default_factory=Own)

    def make_strategy(self, search: Any) -> Strategy:
        """What was asked for, the bundle's own settings where nothing was."""
        from seqgen.search.beam import Beam
        from seqgen.search.sample import Sample
        from seqgen.search.settings import default_strategy

        own = self.own.make_strategy()
        if own is not None:
            if self.temperature is not None or self._beam != _SILENT:
                raise UserError("is given beside options of another", "--strategy", "give one")
            return own
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

    def make_processors(self, target: Tokenizer) -> list[Processor]:
        """Those asked for; ``target`` cuts the outputs into tokens."""
        from seqgen.search.processors import Ban, NoRepeat
        from seqgen.text import EOS

        found: list[Processor] = [NoRepeat(self.no_repeat)] if self.no_repeat else []
        if self.bad_ending:
            found.append(Ban(tuple((*ids, EOS) for ids in target.encode(self.bad_ending))))
        return found + self.own.make_processors(target)
