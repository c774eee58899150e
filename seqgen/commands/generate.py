"""``seqgen generate``: let a language model write on, as one watches."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from seqgen.commands.expanded import expanded
from seqgen.commands.loading import Int8, Model
from seqgen.commands.own import Own
from seqgen.errors import UserError

if TYPE_CHECKING:
    from seqgen.search.step import Strategy


@dataclass(frozen=True)
class Drawing:
    """How the next token is chosen, as the options say."""

    temperature: Annotated[
        float | None, typer.Option(help="Below 1 is safer, above 1 wilder; 1.")
    ] = None
    top_k: Annotated[int, typer.Option(help="Draw from so many tokens; 0 is all.")] = 0
    top_p: Annotated[float, typer.Option(help="Draw from so much probability.")] = 1.0
    min_p: Annotated[float, typer.Option(help="Share of the best one's probability.")] = 0.0
    greedy: Annotated[bool, typer.Option("--greedy", help="Always the most probable.")] = False
    beam_size: Annotated[int | None, typer.Option(help="Search instead of drawing.")] = None
    seed: Annotated[int | None, typer.Option(help="Of what is drawn; 0.")] = None
    own: Own = field(default_factory=Own)

    def make_strategy(self, samples: int) -> Strategy | None:
        """What was asked for, of so many texts; None if nothing was."""
        from seqgen.search.beam import Beam
        from seqgen.search.sample import Greedy, Sample

        cuts = (self.temperature, self.top_k, self.top_p, self.min_p)
        drawn, searched = cuts != (None, 0, 1.0, 0.0), self.greedy or self.beam_size is not None
        if samples > 1 and searched:
            raise UserError("gives the same text every time", "--samples", "draw them instead")
        if self.greedy and self.beam_size is not None:
            raise UserError("--greedy and --beam-size are both given", fix="give one of them")
        if drawn and searched:
            raise UserError(
                "--greedy and --beam-size draw nothing", fix="leave --temperature … out"
            )
        drawn = drawn or self.seed is not None
        own = self.own.make_strategy()
        if own is not None and (drawn or searched):
            raise UserError("is given beside options of another", "--strategy", "give one")
        if self.greedy:
            return Greedy()
        if self.beam_size is not None:
            return Beam(self.beam_size, length_penalty=0.0)
        if not drawn:
            return own
        heat = 1.0 if self.temperature is None else self.temperature
        return Sample(heat, self.top_k, self.top_p, self.min_p, seed=self.seed or 0)


@expanded()
def generate(
    model: Model,
    prompt: Annotated[str, typer.Option(help="How the text begins.")] = "",
    length: Annotated[int, typer.Option(help="Tokens, at most.")] = 500,
    until: Annotated[
        str, typer.Option(help="Stop after this text; EOS is the end of a line.")
    ] = "",
    samples: Annotated[int, typer.Option(help="How many texts.")] = 1,
    *,
    drawing: Drawing,
    int8: Int8 = False,
) -> None:
    """Write on from a prompt, on standard output as it comes."""
    if samples < 1:
        raise UserError(f"is {samples}", "--samples", "give 1 or more")
    from seqgen.generate import load_writer

    strategy = drawing.make_strategy(samples)
    writer, end = load_writer(*model, int8=int8), "\n" if until == "EOS" else until
    processors = drawing.own.make_processors(writer.target)
    for number in range(samples):
        if number:
            sys.stdout.write("-" * 40 + "\n")
        pieces = writer.generate(prompt, strategy, length, end, number, processors)
        sys.stdout.write(prompt)
        last = prompt
        for piece in pieces:
            sys.stdout.write(piece)
            sys.stdout.flush()
            last = piece
        if not last.endswith("\n"):
            sys.stdout.write("\n")
