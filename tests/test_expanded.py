"""Options that several commands share, as one argument of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from seqgen.commands.expanded import expanded


@dataclass(frozen=True)
class Group:
    size: Annotated[int, typer.Option(help="How large.")] = 3
    names: Annotated[list[str] | None, typer.Option("--name", help="Which.")] = None


@pytest.fixture
def call():
    """Call a command of a group of options, less those in ``without``; what came of them."""
    got = []

    def run(without, *options):
        def command(
            text: Annotated[str, typer.Argument()], *, group: Group, last: bool = False
        ) -> None:
            got.append((text, group, last))

        app = typer.Typer()
        app.command()(expanded(*without)(command))
        result = CliRunner().invoke(app, options)
        return got.pop() if got else result.output

    return run


def test_a_group_is_made_of_its_options(call):
    assert call((), "a") == ("a", Group(), False)
    options = ("a", "--name", "x", "--size", "5", "--name", "y", "--last")
    assert call((), *options) == ("a", Group(5, ["x", "y"]), True)


def test_options_stand_in_the_place_of_their_group(call):
    found = call((), "--help")
    places = [found.index(name) for name in ("--size", "--name", "--last")]
    assert places == sorted(places)


def test_what_is_left_out_is_no_option(call):
    assert call(("size",), "a", "--name", "x") == ("a", Group(names=["x"]), False)
    assert "No such option" in call(("size",), "a", "--size", "5")
