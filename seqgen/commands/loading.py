"""Options that name models and say how they are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from seqgen.sources import Code

Model = Annotated[
    list[Path], typer.Option("--model", help="Folder of a model; several make an ensemble.")
]
Int8 = Annotated[bool, typer.Option("--int8", help="Products of 8-bit integers: faster.")]


@dataclass(frozen=True)
class Loading:
    """How models are loaded, as the options say."""

    encoder: Annotated[
        str | None, typer.Option(help="Where the class of its encoder is now, if it is your own.")
    ] = None
    accept_source: Annotated[
        bool, typer.Option("--accept-source", help="Take its code also if that has changed.")
    ] = False
    int8: Int8 = False

    @property
    def code(self) -> Code:
        """Where the parts of a model that are not of seqgen come from."""
        return Code(self.encoder, accept_source=self.accept_source)
