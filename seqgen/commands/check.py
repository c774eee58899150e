"""``seqgen check``: does an encoder of one's own keep the rules?"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

KIND_HELP = "What it reads: text, image, value or vectors; else as forward says."


def check(
    encoder: Annotated[
        str, typer.Argument(help="package.module:Class, ./file.py:Class or an entry point.")
    ],
    encoder_option: Annotated[
        list[str] | None, typer.Option(help="A keyword argument: key=value.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help=KIND_HELP)] = None,
) -> None:
    """Ask every rule of an encoder; exit 1 if one is broken."""
    from rich.console import Console

    from seqgen.conformance.check import check as ask
    from seqgen.conformance.subject import make_subject
    from seqgen.conformance.table import table
    from seqgen.plugins import absolute, parse_options

    options = parse_options(encoder_option or [], "--encoder-option")
    subject = make_subject(absolute(encoder), options, None, kind)
    report = ask(subject, encoder, lambda one: print(f"{one.name}: {one.verdict}", file=sys.stderr))
    Console(highlight=False).print(table(report))
    if report.failures:
        raise typer.Exit(1)
