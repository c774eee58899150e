"""What differs between the tasks, for whoever trains or resumes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from seqgen.training import (
    captions_data,
    classifying_data,
    tagging,
    telling,
    translation,
    writing_data,
)
from seqgen.training.distributed import World
from seqgen.training.report import Report
from seqgen.training.settings import (
    CaptionSettings,
    ClassifierSettings,
    Settings,
    TaggingSettings,
    TellingSettings,
    WritingSettings,
)
from seqgen.training.task import Task
from seqgen.training.trainer import TrainingConfig


class AnySettings(Protocol):
    """Settings of any task."""

    @property
    def data(self) -> Any:
        """The table ``[data]``."""

    @property
    def model(self) -> Any:
        """The table ``[model]``."""

    @property
    def training(self) -> TrainingConfig:
        """The table ``[training]``."""


S = TypeVar("S", bound=AnySettings)


@dataclass(frozen=True)
class Plan(Generic[S]):
    """What differs between the tasks.

    Attributes:
        command: of ``seqgen train``; empty where there is none.
        settings: their class.
        prepare: reads the user's files and writes ``data/``.
        make_task: a task with a model of fresh weights, on that folder.
    """

    command: str
    settings: type[S]
    prepare: Callable[[S, Path, Report], None]
    make_task: Callable[[S, Path, Report, World], Task]


CAPTION = Plan("caption", CaptionSettings, captions_data.prepare, captions_data.make_task)
CLASSIFY = Plan(
    "classify", ClassifierSettings, classifying_data.prepare, classifying_data.make_task
)
TAG = Plan("tag", TaggingSettings, tagging.prepare, tagging.make_task)
TELL = Plan("tell", TellingSettings, telling.prepare, telling.make_task)
TRANSLATE = Plan("translate", Settings, translation.prepare, translation.make_task)
WRITE = Plan("write", WritingSettings, writing_data.prepare, writing_data.make_task)
