"""What a training began with, so that it goes on with nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from seqgen.config import from_dict, to_dict
from seqgen.data.captions import captions_file
from seqgen.errors import UserError
from seqgen.files import checksum, read_json, write_json

BEGINNING = "beginning.json"

_FIX = "put it back, or train anew into another folder"
_SHOWN = 3  # of many settings that differ


@dataclass(frozen=True)
class Beginning:
    """What ``beginning.json`` says; checksums are SHA-256."""

    settings: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)  # of the user's files, by whole path
    data: dict[str, str] = field(default_factory=dict)  # of what was made of them, in ``data/``


def source_files(data: Any) -> list[Path]:
    """The files that a table ``[data]`` names, of captions also by their folder.

    Raises:
        UserError: such a folder has none, or several.
    """
    values = {entry.name: getattr(data, entry.name) for entry in fields(data)}
    named = {name: Path(v) for name, v in values.items() if isinstance(v, str) and v}
    for name in ("captions", "valid_captions"):  # may be the folder of one
        if name in named:
            named[name] = captions_file(named[name])
    return [path for path in named.values() if path.is_file()]


def write_beginning(out: Path, settings: dict[str, Any], sources: list[Path]) -> None:
    """Keep what the training in ``out``, whose data is prepared, begins with."""
    files = sorted(path for path in (out / "data").rglob("*") if path.is_file())
    beginning = Beginning(
        settings,
        {str(path.absolute()): checksum(path) for path in sources},
        {path.relative_to(out / "data").as_posix(): checksum(path) for path in files},
    )
    write_json(out / BEGINNING, to_dict(beginning))


def check_beginning(out: Path, settings: Path) -> None:
    """Let the training in ``out`` go on only with what it began with.

    A file of the user's that is gone is no harm: what was made of it is there.

    Raises:
        UserError: settings or data are not what they were; they are named.
    """
    where = out / BEGINNING
    if not where.exists():  # a training of an earlier version
        return
    beginning = from_dict(Beginning, read_json(where), where)
    now = read_json(settings)
    if not isinstance(now, dict):
        raise UserError("holds no settings", settings, _FIX)
    if found := differences(beginning.settings, now):
        raise UserError(f"has changed since the training began: {found}", settings, _FIX)
    for name, expected in beginning.data.items():
        if checksum(out / "data" / name) != expected:
            raise UserError("has changed since the training began", out / "data" / name, _FIX)
    for name, expected in beginning.sources.items():
        if Path(name).is_file() and checksum(Path(name)) != expected:
            raise UserError("has changed since the training began", name, _FIX)


def differences(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Which settings of ``old`` are others in ``new``, in words; empty if none are."""
    before, after = dict(_flat(old)), dict(_flat(new))
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    said = [f"{n} was {before.get(n)!r} and is {after.get(n)!r}" for n in names[:_SHOWN]]
    return ", ".join(said) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def refuse_other_settings(settings: Path, wanted: dict[str, Any]) -> None:
    """Let ``wanted``, perhaps only some settings, be those of a training that is to go on.

    Raises:
        UserError: some are not; they are named.
    """
    names = dict(_flat(wanted))
    held = {name: value for name, value in _flat(read_json(settings)) if name in names}
    if found := differences(held, names):
        raise UserError(
            f"holds a training of other settings: {found}",
            settings.parent,
            "with --resume give --out alone",
        )


def _flat(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each setting by its dotted name."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
