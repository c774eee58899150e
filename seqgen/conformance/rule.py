"""A rule, what it finds, and the search for the smallest input that shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from seqgen.conformance import batches
from seqgen.conformance.subject import Subject, raised

Verdict = Literal["passed", "failed", "waits", "does not apply"]


class Failure(Exception):
    """A rule is broken.

    Args:
        what: how, as a clause without a full stop.
        example: the smallest input that shows it; empty where none is needed.
        fix: what to do about it; empty for what the rule always says.
    """

    def __init__(self, what: str, example: str = "", fix: str = "") -> None:
        self.what, self.example, self.fix = what, example, fix
        super().__init__(what)


class DoesNotApply(Exception):
    """A rule has nothing to say of this encoder; the message tells why."""


@dataclass(frozen=True)
class Rule:
    """One demand.

    Attributes:
        name: one word or two.
        demand: what an encoder must do, in a line.
        fix: what to do about it as a rule.
        check: raises ``Failure`` or ``DoesNotApply``.
        needs: names of rules without which this one says nothing.
    """

    name: str
    demand: str
    fix: str
    check: Callable[[Subject], None]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a rule.

    Attributes:
        name: of the rule.
        demand: of the rule.
        verdict: how it went.
        what: how it is broken, or why it was not asked.
        example: the smallest input that shows it.
        fix: what to do about it.
    """

    name: str
    demand: str
    verdict: Verdict
    what: str = ""
    example: str = ""
    fix: str = ""


def judge(rule: Rule, subject: Subject) -> Outcome:
    """Ask one rule; whatever the encoder raises is a failure of it."""
    try:
        rule.check(subject)
    except DoesNotApply as reason:
        return Outcome(rule.name, rule.demand, "does not apply", str(reason))
    except Failure as found:
        fix = found.fix or rule.fix
        return Outcome(rule.name, rule.demand, "failed", found.what, found.example, fix)
    except Exception as error:  # raised by code that is not ours: any kind
        return Outcome(rule.name, rule.demand, "failed", raised(error), fix=rule.fix)
    return Outcome(rule.name, rule.demand, "passed")


def require(batch: Any, problem: Callable[[Any], str | None], fix: str = "") -> None:
    """Let ``problem`` find nothing in ``batch``.

    Raises:
        Failure: it does; with the fewest rows and the shortest ones that still show it.
    """

    def found(some: Any) -> str | None:
        try:
            return problem(some)
        except Failure:
            raise
        except Exception as error:  # raised by the encoder: any kind
            return raised(error)

    what = found(batch)
    if what is None:
        return
    error = what.startswith("raises ")
    rows = list(range(batches.size(batch)))
    for row in list(rows):
        fewer = [r for r in rows if r != row]
        less = found(batches.select(batch, fewer)) if fewer else None
        if less is not None and less.startswith("raises ") == error:
            rows, what = fewer, less
    smallest = batches.trimmed(batches.select(batch, rows))
    longest = batches.lengths(smallest)
    for length in range(1, int(longest.max()) if longest is not None else 0):
        shorter = batches.cut(smallest, length)
        less = found(shorter)
        if less is not None and less.startswith("raises ") == error:
            smallest, what = shorter, less
            break
    raise Failure(what, batches.told(smallest), fix)
