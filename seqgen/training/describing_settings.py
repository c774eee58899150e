"""Settings of a training on inputs that a program hands over."""

from __future__ import annotations

from dataclasses import dataclass, field

from seqgen.model.build import ModelConfig
from seqgen.search.settings import SearchConfig
from seqgen.text import TextConfig
from seqgen.training.trainer import TrainingConfig


@dataclass(frozen=True)
class DescribingDataConfig:
    """The table ``[data]`` for texts of inputs that a program hands over."""

    target: TextConfig = field(default_factory=TextConfig)
    max_length: int = 256  # tokens of a text; a longer one is an error


@dataclass(frozen=True)
class DescribingSettings:
    """Everything a training of a describer is a function of, but for its examples."""

    data: DescribingDataConfig = field(default_factory=DescribingDataConfig)
    model: ModelConfig = field(default_factory=lambda: ModelConfig(tied_embeddings=False))
    training: TrainingConfig = field(default_factory=TrainingConfig)
    search: SearchConfig = field(default_factory=lambda: SearchConfig(max_ratio=0.0, max_extra=60))
