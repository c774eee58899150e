from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.errors import UserError


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        (("is empty",), "is empty"),
        (("is empty", Path("a/b.txt")), "a/b.txt: is empty"),
        (("is empty", "b.txt, line 3", "give text"), "b.txt, line 3: is empty; give text"),
        (("is empty", None, "give text"), "is empty; give text"),
    ],
)
def test_the_line_says_where_what_and_what_to_do(parts: tuple, line: str) -> None:
    error = UserError(*parts)
    assert str(error) == line
    assert (error.what, error.where, error.fix) == (*parts, None, None)[:3]


@given(st.text(), st.text(), st.text())
def test_it_is_one_line_whatever_it_is_made_of(what: str, where: str, fix: str) -> None:
    assert len(str(UserError(what, where, fix)).splitlines()) <= 1
