"""``seqgen generate``: let a language model write on, as one watches."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from seqgen.commands.loading import Int8, Model
from seqgen.errors import UserError

if TYPE_CHECKING:
    from seqgen.search.step import Strategy


def generate(
    model: Model,
    prompt: Annotated[str, typer.Option(help="How the text begins.")] = "",
    length: Annotated[int, typer.Option(help="Tokens, at most.")] = 500,
    until: Annotated[
        str, typer.Option(help="Stop after this text; EOS is the end of a line.")
    ] = "",
    temperature: Annotated[
        float | None, typer.Option(help="Below 1 is safer, above 1 wilder; 1.")
    ] = None,
    top_k: Annotated[int, typer.Option(help="Draw from so many tokens; 0 is all.")] = 0,
    top_p: Annotated[float, typer.Option(help="Draw from so much probability.")] = 1.0,
    min_p: Annotated[float, typer.Option(help="Share of the best one's probability.")] = 0.0,
    greedy: Annotated[bool, typer.Option("--greedy", help="Always the most probable.")] = False,
    beam_size: Annotated[int | None, typer.Option(help="Search instead of drawing.")] = None,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    samples: Annotated[int, typer.Option(help="How many texts.")] = 1,
    int8: Int8 = False,
) -> None:
    """Write on from a prompt, on standard output as it comes."""
    if samples < 1:
        raise UserError(f"is {samples}", "--samples", "give 1 or more")
    if samples > 1 and (greedy or beam_size is not None):
        raise UserError("gives the same text every time", "--samples", "draw them instead")
    if greedy and beam_size is not None:
        raise UserError("--greedy and --beam-size are both given", fix="give one of them")
    drawn = temperature is not None or top_k != 0 or top_p != 1.0 or min_p != 0.0
    if drawn and (greedy or beam_size is not None):
        raise UserError("--greedy and --beam-size draw nothing", fix="leave --temperature … out")
    from seqgen.generate import load_writer
    from seqgen.search.beam import Beam
    from seqgen.search.sample import Greedy, Sample

    heat = 1.0 if temperature is None else temperature
    strategy: Strategy = Sample(heat, top_k, top_p, min_p, seed=seed)
    if greedy:
        strategy = Greedy()
    elif beam_size is not None:
        strategy = Beam(beam_size, length_penalty=0.0)
    writer, end = load_writer(*model, int8=int8), "\n" if until == "EOS" else until
    for number in range(samples):
        if number:
            sys.stdout.write("-" * 40 + "\n")
        pieces = writer.generate(prompt, strategy, length, end, number)
        sys.stdout.write(prompt)
        last = prompt
        for piece in pieces:
            sys.stdout.write(piece)
            sys.stdout.flush()
            last = piece
        if not last.endswith("\n"):
            sys.stdout.write("\n")
