"""Parts of the user's own, made: a class called with its options, or a function given them."""

from __future__ import annotations

import functools
import inspect
import json
from typing import Any

from seqgen.errors import UserError
from seqgen.plugins import Kind, resolve


def make(kind: Kind, spec: str, options: dict[str, Any], **offered: Any) -> Any:
    """The part that ``spec`` names, ready for use.

    A class is called; a function is the part itself, with ``options`` filled in.

    Args:
        kind: what it is to be.
        spec: see ``seqgen.plugins``.
        options: its keyword arguments.
        offered: further ones, for those that ask for them by name.

    Raises:
        UserError: ``spec`` names nothing, or what it names refuses the options.
    """
    part, where = resolve(spec, kind), f"{kind} '{spec}'"
    if isinstance(part, type):
        return part(**arguments(part, options, where, **offered))
    if not options:
        return part
    try:
        inspect.signature(part).bind_partial(**options)
    except TypeError as error:
        raise UserError(f"{error}", where) from error
    return functools.partial(part, **plain(options, where))


def arguments(part: type, options: dict[str, Any], where: str, **offered: Any) -> dict[str, Any]:
    """The keyword arguments for the class ``part``: ``options``, and what it wants of the others.

    The options go through JSON first, so that a part is made of what a bundle will hold.

    Raises:
        UserError: it refuses them, or JSON cannot hold them.
    """
    try:
        wanted = inspect.signature(part).parameters
    except ValueError as error:  # written in C
        raise UserError("does not say which arguments it takes", where) from error
    given = {name: value for name, value in offered.items() if name in wanted}
    chosen = given | plain(options, where)
    try:
        inspect.signature(part).bind(**chosen)
    except TypeError as error:
        known = ", ".join(name for name in wanted if name not in offered)
        raise UserError(f"{error}", where, f"its options are {known}") from error
    return chosen


def plain(options: dict[str, Any], where: str) -> dict[str, Any]:
    """``options`` as they are once they have been through JSON.

    Raises:
        UserError: one is something else than numbers, strings, lists and dictionaries.
    """
    for name, value in options.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UserError(
                f"option '{name}' is {value!r}, which JSON cannot hold",
                where,
                "take numbers, strings, lists and dictionaries of them",
            ) from error
    found: dict[str, Any] = json.loads(json.dumps(options))
    return found
