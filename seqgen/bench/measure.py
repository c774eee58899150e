"""Measured figures, each beside the limit it meets: as a table, as JSON, and against others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from seqgen.config import from_dict
from seqgen.errors import UserError
from seqgen.files import read_json


@dataclass(frozen=True)
class Measure:
    """One figure.

    Attributes:
        name: what ran.
        value: how fast, how long or how much.
        unit: of ``value``.
        share: of the limit it meets, 0 to 1; None where no limit is known.
        limit: which one that is.
    """

    name: str
    value: float
    unit: str
    share: float | None = None
    limit: str = ""


@dataclass(frozen=True)
class Results:
    """All figures of one run, and where and with what they were measured."""

    machine: dict[str, Any]
    measures: tuple[Measure, ...]


def read_results(path: Path) -> Results:
    """What an earlier run wrote.

    Raises:
        UserError: the file is no such thing.
    """
    return from_dict(Results, read_json(path), path)


def ratios(measures: Sequence[Measure], before: Results) -> dict[str, float]:
    """Each figure over the earlier one of the same name, where there is one.

    Raises:
        UserError: they have no name in common.
    """
    old = {measure.name: measure.value for measure in before.measures}
    found = {m.name: m.value / old[m.name] for m in measures if old.get(m.name)}
    if not found:
        raise UserError("has none of these figures", "--against")
    return found


def table(measures: Sequence[Measure], against: dict[str, float]) -> Table:
    """The figures, a row each, with their ratios to earlier ones if there are any."""
    made = Table("what", "value", "unit", "of its limit", *(["ratio"] if against else []))
    for one in measures:
        digits = 0 if one.value >= 100 else 1 if one.value >= 10 else 2
        share = "" if one.share is None else f"{one.share:.0%} of {one.limit}"
        row = [one.name, f"{one.value:,.{digits}f}", one.unit, share]
        if against:
            row.append(f"{against[one.name]:.2f}" if one.name in against else "")
        made.add_row(*row)
    return made
