"""Options that several commands share, as one argument of each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints


def expanded(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command for Typer of a function that takes groups of options.

    Each argument that is annotated with a dataclass becomes options of the command, one for each
    field, in its place.

    Args:
        without: fields that are no options of this command, but have their default.
    """

    def expand(function: Callable[..., None]) -> Callable[..., None]:
        hints: dict[str, Any] = get_type_hints(function, include_extras=True)
        groups: dict[str, list[Parameter]] = {}
        parameters: list[Parameter] = []
        for name, one in signature(function).parameters.items():
            taken = [one.replace(annotation=hints[name], kind=Parameter.KEYWORD_ONLY)]
            if is_dataclass(hints[name]):
                taken = [option for option in _options(hints[name]) if option.name not in without]
                groups[name] = taken
            parameters += taken

        @functools.wraps(function)
        def command(**given: Any) -> None:
            for name, options in groups.items():
                said = {option.name: given.pop(option.name) for option in options}
                given[name] = hints[name](**said)
            function(**given)

        command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in parameters}
        return command

    return expand


def _options(kind: Any) -> list[Parameter]:
    """The fields of a dataclass as parameters."""
    hints = get_type_hints(kind, include_extras=True)
    return [
        Parameter(one.name, Parameter.KEYWORD_ONLY, default=one.default, annotation=hints[one.name])
        for one in fields(kind)
    ]
