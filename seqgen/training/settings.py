"""All settings of a training: four tables of one TOML file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqgen.config import from_dict, read_toml
from seqgen.errors import UserError
from seqgen.model.build import ModelConfig
from seqgen.search.settings import SearchConfig
from seqgen.text import TextConfig
from seqgen.training.trainer import TrainingConfig


@dataclass(frozen=True)
class DataConfig:
    """The table ``[data]``: which files, and how their text becomes tokens."""

    train_source: str = ""  # plain text, or .tsv / .jsonl with both sides; each also .gz
    train_target: str = ""  # plain text; empty if train_source has both sides
    valid_source: str = ""
    valid_target: str = ""
    source: TextConfig = field(default_factory=TextConfig)
    target: TextConfig = field(default_factory=TextConfig)
    joint: bool = True  # one SentencePiece model for both sides, made as ``source`` says
    max_length: int = 256  # tokens of a side; a longer line is an error
    drop_long: bool = False  # leave longer pairs out instead
    drop_empty: bool = False  # leave pairs with an empty side out; else they are an error


@dataclass(frozen=True)
class Settings:
    """Everything a training is a function of, but for the contents of its files."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    search: SearchConfig = field(default_factory=SearchConfig)


def read_settings(path: Path | None, changes: dict[str, Any]) -> Settings:
    """Settings from a TOML file, or the defaults, with ``changes`` on top.

    Args:
        path: TOML with the tables ``[data]``, ``[model]``, ``[training]``, ``[search]``.
        changes: values by dotted name, as ``training.seed``; these win.

    Raises:
        UserError: the file or a value cannot be used.
    """
    values = read_toml(path) if path else {}
    for name, value in changes.items():
        table = values
        *parents, key = name.split(".")
        for parent in parents:
            table = table.setdefault(parent, {})
            if not isinstance(table, dict):
                raise UserError(f"'{parent}' is no table", f"setting {name}")
        table[key] = value
    return from_dict(Settings, values, path or "settings")
