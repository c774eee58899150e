"""Options that several commands share, as one argument of each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints


def expanded(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command for Typer of a function that takes groups of options.

    Each argument that is annotated with a dataclass becomes options of the command, one for each
    field, in its place; a field that is a dataclass itself becomes those of its own.

    Args:
        without: fields that are no options of this command, but have their default.
    """

    def expand(function: Callable[..., None]) -> Callable[..., None]:
        hints: dict[str, Any] = get_type_hints(function, include_extras=True)
        groups = [name for name in signature(function).parameters if is_dataclass(hints[name])]
        parameters: list[Parameter] = []
        for name, one in signature(function).parameters.items():
            taken = [one.replace(annotation=hints[name], kind=Parameter.KEYWORD_ONLY)]
            if name in groups:
                taken = [option for option in _options(hints[name]) if option.name not in without]
            parameters += taken

        @functools.wraps(function)
        def command(**given: Any) -> None:
            for name in groups:
                given[name] = _made(hints[name], given)
            function(**given)

        command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in parameters}
        return command

    return expand


def _options(kind: Any) -> Iterator[Parameter]:
    """The fields of a dataclass as parameters."""
    hints = get_type_hints(kind, include_extras=True)
    for one in fields(kind):
        hint = hints[one.name]
        if is_dataclass(hint):
            yield from _options(hint)
        else:
            yield Parameter(one.name, Parameter.KEYWORD_ONLY, default=one.default, annotation=hint)


def _made(kind: Any, given: dict[str, Any]) -> Any:
    """A dataclass of those of its fields that are ``given``, which are taken out."""
    hints = get_type_hints(kind)
    groups = {name: _made(hints[name], given) for name in hints if is_dataclass(hints[name])}
    return kind(**groups, **{name: given.pop(name) for name in hints if name in given})
