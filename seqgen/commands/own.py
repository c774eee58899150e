"""Options that name parts of a search of the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from seqgen.errors import UserError

if TYPE_CHECKING:
    from seqgen.search.processors import Processor
    from seqgen.search.step import Strategy
    from seqgen.text import Tokenizer


@dataclass(frozen=True)
class Own:
    """Parts of a search that are the user's own, as the options say."""

    processor: Annotated[
        list[str] | None, typer.Option(help="Your own, as ./file.py:Class; repeats.")
    ] = None
    processor_option: Annotated[
        list[str] | None, typer.Option(help="Class.key=value for --processor; JSON, or a word.")
    ] = None
    strategy: Annotated[str | None, typer.Option(help="Your own; not a beam.")] = None
    strategy_option: Annotated[
        list[str] | None, typer.Option(help="key=value for --strategy; JSON, or a word.")
    ] = None

    def make_strategy(self) -> Strategy | None:
        """The strategy asked for, if one is.

        Raises:
            UserError: it cannot be made, or options are of none.
        """
        from seqgen.plugins import parse_options
        from seqgen.search.settings import SearchConfig, default_strategy

        options = parse_options(self.strategy_option or [], "--strategy-option")
        if self.strategy is not None:
            return default_strategy(SearchConfig(strategy=self.strategy, strategy_options=options))
        if options:
            raise UserError("is given without --strategy", "--strategy-option", "name one")
        return None

    def make_processors(self, target: Tokenizer) -> list[Processor]:
        """The processors asked for, in order; ``target`` cuts what is written into tokens.

        Raises:
            UserError: one cannot be made, or options are of none.
        """
        from seqgen.plugins import parse_options
        from seqgen.search.settings import make_processors

        flag = "--processor-option"
        texts: dict[str, list[str]] = {}
        for text in self.processor_option or []:
            key, equals, value = text.partition("=")
            name, dot, key = key.rpartition(".")
            if not (equals and dot):
                raise UserError(f"'{text}' is no option", flag, "write Class.key=value")
            texts.setdefault(name, []).append(f"{key}={value}")
        options = {name: parse_options(some, f"{flag} {name}") for name, some in texts.items()}
        return make_processors(self.processor or (), options, target, flag)
