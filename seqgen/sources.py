"""Whose code a model runs on: recorded where the model is written, compared where it is read.

A bundle names its parts and holds none of them, and what lies in its folder is never run. For a
part that is not of seqgen it records the checksum of the file that defines it, so that a class
that has changed since is told from the one that was trained.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import inspect
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgen.errors import UserError
from seqgen.files import checksum
from seqgen.plugged import source_sha256
from seqgen.plugins import Kind, Missing, file_of, is_given, module_of, name_of, resolve

_SHOWN = 16  # digits of a checksum in a message


@dataclass(frozen=True)
class Source:
    """Where the code of a part came from."""

    spec: str
    sha256: str = ""  # of the file that defines it; "" where there is none, as in a notebook
    package: str = ""  # that was installed with it
    version: str = ""  # of the package


@dataclass(frozen=True)
class Code:
    """Where the code of a bundle's parts is to come from, but for what the bundle says.

    Attributes:
        encoder: a class or a spec, instead of the one that is recorded.
        attention: likewise.
        accept_source: take a part as it is now, also if its source has changed.
    """

    encoder: Any = None
    attention: Any = None
    accept_source: bool = False


RECORDED = Code()


def trace(spec: str, part: Any) -> Source | None:
    """The source of the class or function ``part``; None for what is part of seqgen.

    It is that of the moment when it was first asked for, since the code that runs is older.
    """
    found = _trace(part)
    return None if found is None else Source(spec, *found)


@functools.cache
def _trace(part: Any) -> tuple[str, str, str] | None:
    """The checksum, the package and its version."""
    home: str = part.__module__
    module = sys.modules.get(home)
    own = source_sha256(module) if module else ""
    if own:
        return own, "", ""
    top = home.partition(".")[0]
    if top == "seqgen":
        return None
    try:
        file = inspect.getsourcefile(part)
    except TypeError:  # of a prompt
        file = None
    sha256 = checksum(Path(file)) if file and os.path.isfile(file) else ""
    for package in importlib.metadata.packages_distributions().get(top, []):
        return sha256, package, importlib.metadata.version(package)
    return sha256, "", ""


def approved(kind: Kind, spec: str, recorded: Source | None, code: Code, folder: Path) -> str:
    """The spec by which a part of the bundle in ``folder`` is to be made.

    Args:
        kind: of the part.
        spec: by which the bundle names it.
        recorded: what the bundle says of its source, if it is not of seqgen.
        code: what was asked for instead.
        folder: of the bundle.

    Raises:
        UserError: the part is not to be found, or has changed, or lies in the bundle.
    """
    given = {"encoder": code.encoder, "attention": code.attention}.get(kind)
    where = f"{folder}: {kind} '{spec}'"
    if given is not None and recorded is None:
        raise UserError("is part of seqgen", where, f"give no other {kind}")
    present = spec if given is None else name_of(given)
    if given is not None and code.accept_source:
        return present
    try:
        if given is None:
            _refuse_own(spec, folder, where, kind)
        if recorded is None:
            return present
        now = _present(present, kind)
    except Missing as error:
        wanted = f"{recorded.package} {recorded.version}".strip() if recorded else ""
        advice = f"install {wanted}" if wanted else error.fix
        if given is None:
            advice = f"{advice}, or {_elsewhere(kind, folder)}"
        raise UserError(error.what, where, advice) from error
    if recorded.sha256 and now.sha256 != recorded.sha256 and not code.accept_source:
        raise _changed(recorded, now, where)
    return present


def _elsewhere(kind: Kind, folder: Path) -> str:
    """What to do about a part that is not to be had where the bundle says."""
    if kind == "encoder":
        return "name its place now with --encoder (in Python encoder=)"
    if kind == "attention":
        return "in Python, name its place now with attention="
    return f"take it out of [search] in {folder / 'config.json'}"


def _refuse_own(spec: str, folder: Path, where: str, kind: Kind) -> None:
    """Run no file that a bundle brings along, and none that depends on where one stands."""
    file = file_of(spec)
    advice = _elsewhere(kind, folder)
    if file is not None and not file.is_absolute():
        raise UserError("is no whole path, so it is not run", where, advice)
    places = [file] if file else _places(module_of(spec, kind).partition(".")[0])
    if any(folder.resolve() in (place / "x").resolve().parents for place in places):
        raise UserError("lies in the model's own folder and is not run", where, advice)


def _places(top: str) -> list[Path]:
    """Where the package ``top`` lies, without importing it."""
    try:
        found = importlib.util.find_spec(top) if top else None
    except ValueError:  # __main__, of a prompt
        return []
    if found is None:
        return []
    names = [found.origin, *(found.submodule_search_locations or ())]
    return [Path(name) for name in names if name and os.path.exists(name)]


def _present(spec: str, kind: Kind) -> Source:
    """The source of ``spec`` as it is now; a file is not run for it."""
    file = file_of(spec)
    if file is not None and not is_given(spec):
        if not os.path.isfile(file):
            raise Missing("the file does not exist", fix="bring the file back")
        return Source(spec, checksum(file))
    found = trace(spec, resolve(spec, kind))
    return found or Source(spec)


def _changed(recorded: Source, now: Source, where: str) -> UserError:
    old, new = (
        f"{s.sha256[:_SHOWN] or 'unknown'}{f' ({s.package} {s.version})' if s.package else ''}"
        for s in (recorded, now)
    )
    return UserError(
        f"its source has changed: SHA-256 {old} when the model was trained, {new} now",
        where,
        "bring the old one back, or accept the present one with --accept-source"
        " (in Python accept_source=True)",
    )
