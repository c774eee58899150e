"""What became of every rule, as a table."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from seqgen.conformance.check import Report

_STYLES = {"passed": "green", "failed": "bold red"}


def table(report: Report) -> Table:
    """A row a rule: what it demands or how it is broken, the smallest example, how to mend it."""
    made = Table(title=f"{report.name}: {len(report.failures)} rules broken", title_style="bold")
    for name in ("rule", "verdict", "what", "smallest example", "how to mend it"):
        made.add_column(name, overflow="fold")
    for one in report.outcomes:
        verdict = Text(one.verdict, _STYLES.get(one.verdict, "dim"))
        # As text: brackets of an example are no markup
        cells = (one.what or one.demand, one.example, one.fix)
        made.add_row(one.name, verdict, *(Text(cell) for cell in cells))
    return made
