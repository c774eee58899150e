"""All rules asked of one encoder, in an order in which the first to fail is the one to mend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seqgen.conformance.building import BUILDS
from seqgen.conformance.caching import CACHEABLE
from seqgen.conformance.fresh import PICKLED, SAVED
from seqgen.conformance.gradients import GRADIENTS
from seqgen.conformance.invariance import BATCH, PADDING
from seqgen.conformance.learning import LEARNS
from seqgen.conformance.memories import MASK, ONE, REAL, SHAPES
from seqgen.conformance.modes import DETERMINISTIC, PRECISION, STATISTICS
from seqgen.conformance.rule import Outcome, judge
from seqgen.conformance.searching import BEAMS
from seqgen.conformance.subject import Subject

RULES = (
    BUILDS, SHAPES, MASK, REAL, ONE, DETERMINISTIC, PADDING, BATCH, STATISTICS, GRADIENTS,
    PRECISION, SAVED, PICKLED, CACHEABLE, BEAMS, LEARNS,
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """What became of every rule.

    Attributes:
        name: of the encoder.
        outcomes: one for each rule, in order.
    """

    name: str
    outcomes: tuple[Outcome, ...]

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """The rules that are broken."""
        return tuple(one for one in self.outcomes if one.verdict == "failed")

    def __str__(self) -> str:
        if not self.failures:
            return f"{self.name} keeps all rules"
        lines = [f"{self.name} breaks {len(self.failures)} of {len(self.outcomes)} rules"]
        for one in self.failures:
            lines.append(f"  {one.name}: {one.what}")
            lines += [f"    smallest example: {one.example}"] if one.example else []
            lines.append(f"    to mend it: {one.fix}")
        return "\n".join(lines)


def check(
    subject: Subject, name: str, on_outcome: Callable[[Outcome], None] | None = None
) -> Report:
    """Ask all rules; one whose grounds are missing waits for those.

    Args:
        subject: the encoder and what to try it on.
        name: of the encoder, for the report.
        on_outcome: told of each as it comes.
    """
    outcomes: dict[str, Outcome] = {}
    for rule in RULES:
        missing = [need for need in rule.needs if outcomes[need].verdict in ("failed", "waits")]
        if missing:
            outcome = Outcome(rule.name, rule.demand, "waits", f"mend '{missing[0]}' first")
        else:
            outcome = judge(rule, subject)
        outcomes[rule.name] = outcome
        if on_outcome is not None:
            on_outcome(outcome)
    return Report(name, tuple(outcomes.values()))
