"""Parts of the user's own: from a spec to the class or function that it names.

A spec is ``package.module:Class``, ``./file.py:Class`` (loaded by itself, without ``sys.path``),
``torchvision:resnet50`` (an encoder of images by its backbone), or the bare name of an entry
point that an installed package offers in a group such as ``seqgen.encoders``.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import json
import os
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from seqgen import plugged
from seqgen.errors import UserError

Kind = Literal["encoder", "attention", "metric", "processor", "strategy"]

GROUPS: dict[Kind, str] = {
    "encoder": "seqgen.encoders",
    "attention": "seqgen.attentions",
    "metric": "seqgen.metrics",
    "processor": "seqgen.processors",
    "strategy": "seqgen.strategies",
}
BACKBONES = "torchvision"
_BACKBONE_ENCODER = "seqgen.model.cnn:CNNEncoder"
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_FORMS = "write package.module:Class or ./file.py:Class"


class Missing(UserError):
    """What a spec names is not there; it could be installed, or be somewhere else."""


_given: dict[str, Any] = {}  # what was handed over in Python and no import finds, by its spec


def resolve(spec: str, kind: Kind = "encoder") -> Any:
    """The class or function that ``spec`` names.

    Args:
        spec: see the module. ``torchvision:NAME`` is ``CNNEncoder``, with ``preset(spec)``.
        kind: what it is to be, for messages and for the group of entry points.

    Raises:
        UserError: it names nothing, two packages offer the name, there is no such module, file
            or class, or the module raises something when imported (its line is named).
    """
    if spec in _given:
        return _given[spec]
    where = f"{kind} '{spec}'"
    place, colon, name = spec.rpartition(":")
    if not colon:
        entry = _entry_point(spec, kind, where)
        return _attribute(_import(entry.module, entry.attr, where), entry.attr, where)
    if not (place and name):
        raise UserError(f"does not name {_a(kind)}", where, _FORMS)
    if place == BACKBONES and kind == "encoder":
        return resolve(_BACKBONE_ENCODER)
    if (file := file_of(spec)) is not None:
        return _attribute(_load(file, where), name, where)
    if not _MODULE.fullmatch(place):
        raise Missing(f"'{place}' is no name of a module", where, _FORMS)
    return _attribute(_import(place, name, where), name, where)


def preset(spec: str) -> dict[str, Any]:
    """The keyword arguments that the spec of an encoder stands for beside its class."""
    place, _, name = spec.rpartition(":")
    return {"backbone": name} if place == BACKBONES else {}


def is_file(spec: str) -> bool:
    """Whether ``spec`` names a file."""
    place = spec.rpartition(":")[0]
    return place.endswith(".py") or "/" in place or os.sep in place


def is_spec(text: str, kind: Kind) -> bool:
    """Whether ``text`` has the form of a spec, or is a name that an installed package offers."""
    every = () if ":" in text else importlib.metadata.entry_points(group=GROUPS[kind])
    return ":" in text or text in {entry.name for entry in every}


def file_of(spec: str) -> Path | None:
    """The file that ``spec`` names, which need not be there; None where it names no file.

    Raises:
        UserError: no file can have that name.
    """
    if not is_file(spec):
        return None
    place = spec.rpartition(":")[0]
    try:
        valid = b"\0" not in os.fsencode(place)
    except ValueError:  # half of a character
        valid = False
    if not valid:
        raise UserError(f"{spec!r} names no file", fix=_FORMS)
    return Path(os.path.expanduser(place))


def module_of(spec: str, kind: Kind) -> str:
    """The name of the module that ``spec`` leads to, without importing it; "" where it has none."""
    place, colon, _ = spec.rpartition(":")
    if colon:
        return "" if is_file(spec) or place == BACKBONES else place
    return _entry_point(spec, kind, f"{kind} '{spec}'").module if spec else ""


def is_given(spec: str) -> bool:
    """Whether ``spec`` leads to what ``name_of`` was given, not to an import."""
    return spec in _given


def absolute(spec: str) -> str:
    """``spec`` so that it names the same file from any folder; others stay as they are."""
    file = file_of(spec)
    return spec if file is None else f"{os.path.abspath(file)}:{spec.rpartition(':')[2]}"


def name_of(part: Any) -> str:
    """A spec of the class or function ``part``, by which this process finds it from now on.

    Other processes find it too, unless it was made in a notebook, in a prompt or in a function.
    A spec comes back as ``absolute`` makes it.
    """
    if isinstance(part, str):
        return absolute(part)
    try:
        home, name = part.__module__, part.__qualname__
    except AttributeError:
        raise UserError(f"{part!r} is neither a class nor a spec", fix=_FORMS) from None
    module = sys.modules.get(home)
    file = getattr(module, "__file__", None)
    own = home == "__main__" or home.startswith(f"{plugged.__name__}.")
    spec = f"{os.path.abspath(file)}:{name}" if own and file else f"{home}:{name}"
    found: Any = module
    for step in name.split("."):
        found = getattr(found, step, None)
    _given.pop(spec, None)
    if found is not part or home == "__main__":
        _given[spec] = part
    return spec


def parse_options(texts: list[str], option: str) -> dict[str, Any]:
    """Keyword arguments from ``key=value``: a value is JSON, or else a string as it stands.

    Args:
        texts: what ``option`` was given, in order.
        option: for messages.

    Raises:
        UserError: one is not ``key=value``, or a key comes twice.
    """
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (equals and key.isidentifier()):
            raise UserError(f"'{text}' is no option", option, "write key=value")
        if key in found:
            raise UserError(f"'{key}' comes twice", option)
        try:
            found[key] = json.loads(value, parse_constant=_no_json)
        except ValueError:
            found[key] = value
    return found


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "ae" else f"a {kind}"


def _entry_point(name: str, kind: Kind, where: str) -> importlib.metadata.EntryPoint:
    """The one entry point ``name`` among the installed packages."""
    group = GROUPS[kind]
    if name.endswith(".py"):
        raise UserError("does not say which class", where, f"write ./{name.lstrip('./')}:Class")
    every = importlib.metadata.entry_points(group=group)
    found = [entry for entry in every if entry.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        offers = " and ".join(
            sorted(f"{e.dist.name if e.dist else '?'} ({e.value})" for e in found)
        )
        fix = "write package.module:Class for the one you mean, or uninstall the other"
        raise UserError(f"is offered by {offers}", where, fix)
    known = ", ".join(sorted({entry.name for entry in every}))
    installed = f"installed are {known}; or " if known else ""
    raise Missing(f"no installed package offers it in '{group}'", where, installed + _FORMS)


def _import(name: str, wanted: str, where: str) -> ModuleType:
    """The module ``name``, installed or on PYTHONPATH, for what is ``wanted`` of it."""
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if not isinstance(error, ModuleNotFoundError) or _frames(error):
            raise _broken(error, where, dotted="." in name) from error
        fix = f"install it, or set PYTHONPATH to the folder that has '{name.split('.')[0]}'"
        file = Path(*name.split(".")).with_suffix(".py")
        if os.path.isfile(file):
            fix = f"for the file write ./{file.as_posix()}:{wanted}"
        raise Missing(f"there is no module '{error.name}'", where, fix) from error


def _load(file: Path, where: str) -> ModuleType:
    """The module that a file is."""
    if not os.path.isfile(file):
        what = "is a folder, not a file" if os.path.isdir(file) else "does not exist"
        here = "" if file.is_absolute() else f" in {Path.cwd()}"
        raise Missing(f"the file {file} {what}{here}", where, "give the path of its source")
    try:
        return plugged.load_file(file)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        beside = file.with_name(f"{getattr(error, 'name', None)}.py")
        fix = None
        if isinstance(error, ModuleNotFoundError) and beside.is_file():
            fix = f"{beside.name} lies beside it: set PYTHONPATH to that folder, or use one file"
        raise _broken(error, where, dotted=False, fix=fix) from error


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Where ``error`` was, without the machinery of importing."""
    machinery = ("<frozen importlib", importlib.__file__, __file__, str(plugged.__file__))
    return [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(machinery)
    ]


def _broken(error: BaseException, where: str, dotted: bool, fix: str | None = None) -> UserError:
    """Say which line of the user's own code raised ``error`` while it was imported."""
    what = f"{type(error).__name__}: {error}"
    frames = _frames(error)
    if isinstance(error, SystemExit):
        what = "it ends the program when it is imported"
        fix = 'put what it does when run below: if __name__ == "__main__":'
    elif isinstance(error, ModuleNotFoundError) and fix is None:
        fix = f"install '{error.name}', which this line imports"
    if isinstance(error, SyntaxError) and error.filename:
        at = f"{error.filename}, line {error.lineno}"
        return UserError(f"{where} cannot be imported: {error.msg}", at)
    if not frames:
        return UserError(f"cannot be imported: {what}", where, fix)
    first = frames[0].filename
    whole = dotted or os.path.basename(first) == "__init__.py"
    home = os.path.dirname(first) + os.sep if whole else first
    last = [frame for frame in frames if frame.filename.startswith(home)][-1]
    at = f"{last.filename}, line {last.lineno}"
    return UserError(f"{where} cannot be imported: {what}", at, fix)


def _attribute(module: ModuleType, name: str, where: str) -> Any:
    """The class or function ``name``, which may be dotted, of ``module``."""
    found: Any = module
    for step in name.split("."):
        inside = getattr(found, "__dict__", {})
        found = getattr(found, step, None)
        if not callable(found):
            file = getattr(module, "__file__", None) or module.__name__
            near = difflib.get_close_matches(step, [n for n, v in inside.items() if callable(v)])
            fix = f"did you mean '{near[0]}'?" if near else "name a class or function in it"
            raise Missing(f"there is no class or function '{step}' in {file}", where, fix)
    return found
