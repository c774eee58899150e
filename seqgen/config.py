"""Strict conversion between dictionaries (JSON, TOML) and frozen dataclasses."""

from __future__ import annotations

import dataclasses
import difflib
import sys
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from seqgen.errors import UserError
from seqgen.files import read_bytes

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")


def to_dict(settings: Any) -> dict[str, Any]:
    """A dataclass as plain dictionaries, lists and scalars that JSON can hold."""
    return {f.name: _plain(getattr(settings, f.name)) for f in dataclasses.fields(settings)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_dict(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def from_dict(kind: type[T], values: object, where: object) -> T:
    """Build the dataclass ``kind`` from a dictionary.

    Args:
        kind: a dataclass; its fields may be scalars, ``X | None``, tuples, literals,
            dictionaries and further dataclasses.
        values: keys are field names. A missing key takes the field's default.
        where: the file the values came from, for messages.

    Raises:
        UserError: an unknown key (its nearest neighbour is named), a value of the wrong
            type, a missing field, or a value the dataclass itself refuses.
    """
    if not isinstance(values, dict):
        raise UserError(f"holds {type(values).__name__} where a table is expected", where)
    fields = {f.name: f for f in dataclasses.fields(kind) if f.init}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1)
            fix = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(fields)}"
            raise UserError(f"unknown setting '{key}'", where, fix)
    hints = typing.get_type_hints(kind)
    try:
        return kind(**{k: _convert(hints[k], v, f"{where}, '{k}'") for k, v in values.items()})
    except UserError as error:
        if error.where is not None:
            raise
        raise UserError(error.what, where, error.fix) from error
    except TypeError as error:
        raise UserError(str(error).replace(f"{kind.__name__}.__init__() ", ""), where) from error
    except ValueError as error:
        raise UserError(str(error), where) from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (hint,) = (a for a in arguments if a is not type(None))
        return _convert(hint, value, where)
    if origin is typing.Literal:
        if value not in arguments:
            raise UserError(f"is {value!r}", where, f"choose from {', '.join(map(str, arguments))}")
        return value
    if origin is tuple and isinstance(value, (list, tuple)):
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_convert(arguments[0], item, where) for item in value)
        if len(arguments) == len(value):
            return tuple(_convert(a, item, where) for a, item in zip(arguments, value, strict=True))
    if origin is dict and isinstance(value, dict):
        return {str(key): _convert(arguments[1], item, where) for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return from_dict(typing.cast("type[Any]", hint), value, where)
    if hint is float and type(value) is int and abs(value) < 2**1000:  # else float refuses it
        return float(value)
    if isinstance(hint, type) and type(value) is hint:
        return value
    name = getattr(hint, "__name__", str(hint))
    raise UserError(f"is {value!r} where {name} is expected", where)


def require_files(data: Any, *names: str) -> None:
    """Hold that the table ``[data]`` names the files ``names``.

    Raises:
        UserError: it does not.
    """
    for name in names:
        if not getattr(data, name):
            fix = f"pass --{name.replace('_', '-')} FILE"
            raise UserError(f"{name} is not given", "[data]", fix)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        UserError: it is missing, not UTF-8, or not TOML.
    """
    try:
        return parse_toml(read_bytes(path).decode("utf-8"), path)
    except UnicodeDecodeError as error:
        raise UserError(f"is not UTF-8 at byte {error.start}", path) from error


def parse_toml(text: str, where: object) -> dict[str, Any]:
    """Read TOML from a string.

    Raises:
        UserError: it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"is not TOML: {error}", where) from error
