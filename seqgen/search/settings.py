"""How a trained model searches unless it is told otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from seqgen.errors import UserError
from seqgen.parts import make
from seqgen.search.beam import Beam
from seqgen.search.processors import Processor
from seqgen.search.sample import Greedy
from seqgen.search.step import Strategy
from seqgen.text import Tokenizer


@dataclass(frozen=True)
class SearchConfig:
    """The table ``[search]``."""

    beam_size: int = 5  # 1 is greedy
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0
    max_ratio: float = 2.0  # an output has at most max_ratio * source tokens + max_extra tokens
    max_extra: int = 10
    strategy: str = ""  # one of the user's own instead of a beam; a spec, see seqgen.plugins
    strategy_options: dict[str, Any] = field(default_factory=dict)
    processors: tuple[str, ...] = ()  # specs; these come before others, in order
    processor_options: dict[str, dict[str, Any]] = field(default_factory=dict)  # by class name


def default_strategy(search: SearchConfig) -> Strategy:
    """The strategy that ``search`` names: its own, or beam search, greedy for a beam of one.

    Raises:
        UserError: its own cannot be made.
    """
    if search.strategy:
        own: Strategy = make("strategy", search.strategy, search.strategy_options)
        if not callable(getattr(own, "run", None)):
            raise UserError("has no method 'run'", f"strategy '{search.strategy}'")
        return own
    if search.beam_size == 1:
        return Greedy()
    return Beam(
        size=search.beam_size,
        length_penalty=search.length_penalty,
        coverage_penalty=search.coverage_penalty,
    )


def own_processors(search: SearchConfig, target: Tokenizer) -> list[Processor]:
    """The processors that ``search`` names.

    Args:
        search: a class among its processors is called with the options under its name, and with
            ``target`` if it asks for it.
        target: cuts what is written.

    Raises:
        UserError: one cannot be found or made, or options are of none.
    """
    where = "[search.processor_options]"
    return make_processors(search.processors, search.processor_options, target, where)


def make_processors(
    specs: Sequence[str], options: dict[str, dict[str, Any]], target: Tokenizer, where: str
) -> list[Processor]:
    """The processors that ``specs`` name, in order.

    Args:
        specs: see ``seqgen.plugins``.
        options: of those that are classes, by class name.
        target: as for ``own_processors``.
        where: the options were given, for messages.

    Raises:
        UserError: one cannot be found or made, or options are of none.
    """
    names = {spec.rpartition(":")[2] for spec in specs}
    for name in options:
        if name not in names:
            fix = f"there are {', '.join(sorted(names))}" if names else "name it as a processor"
            raise UserError(f"there is no processor '{name}'", where, fix)
    found = []
    for spec in specs:
        chosen = options.get(spec.rpartition(":")[2], {})
        processor = make("processor", spec, chosen, target=target)
        if not callable(processor):
            raise UserError("cannot be called", f"processor '{spec}'", "give it a __call__")
        found.append(processor)
    return found
