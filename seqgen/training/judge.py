"""A measure of the user's own, by which the best model of a training is chosen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from seqgen.errors import UserError
from seqgen.parts import make
from seqgen.plugins import resolve
from seqgen.scoring.metrics import Metric
from seqgen.sources import trace
from seqgen.training.trainer import TrainingConfig

References = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Judge:
    """A function of outputs and of the right texts for each; higher is better.

    Attributes:
        name: by which it is shown.
        signature: its source, so that a score can be repeated.
        measure: ``(N outputs, N lists of right texts) -> number``.
    """

    name: str
    signature: str
    measure: Callable[[list[str], list[list[str]]], Any]

    def __call__(self, outputs: Sequence[str], references: References) -> Metric:
        """The score of N outputs.

        Raises:
            UserError: what it returns is no finite number.
        """
        value = self.measure(list(outputs), [list(one) for one in references])
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise UserError(
                f"returned {value!r} where a finite number is expected", f"metric '{self.name}'"
            )
        return Metric(self.name, number, self.signature, None, None, len(outputs))


def make_judge(config: TrainingConfig) -> Judge | None:
    """The measure that ``[training]`` names, if it names one.

    Raises:
        UserError: it cannot be found or made.
    """
    spec = config.metric
    if not spec:
        return None
    source = trace(spec, resolve(spec, "metric"))
    signature = f"options:{config.metric_options}|sha256:{source.sha256[:16] if source else ''}"
    name = spec.rpartition(":")[2]
    return Judge(name, signature, make("metric", spec, config.metric_options))


def refuse_metric(config: TrainingConfig, what: str) -> None:
    """Refuse a metric where no output is compared with a right one.

    Raises:
        UserError: there is one.
    """
    if config.metric:
        raise UserError(f"a metric is not for {what}", "[training]", "leave it out")
