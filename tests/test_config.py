from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.config import from_dict, parse_toml, read_toml, to_dict
from seqgen.errors import UserError


@dataclass(frozen=True)
class Inner:
    depth: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    rate: float = 0.5
    kind: Literal["a", "b"] = "a"
    on: bool = False
    maybe: int | None = None
    pair: tuple[int, str] = (1, "x")
    inner: Inner | None = None
    table: dict[str, float] = field(default_factory=dict)
    many: tuple[Inner, ...] = ()
    anything: Any = None

    def __post_init__(self) -> None:
        if self.rate < 0:
            raise UserError("rate must be 0 or more")
        if self.rate > 9:
            raise ValueError("rate is too high")


inners = st.builds(Inner, st.integers(), st.lists(st.text()).map(tuple))


@given(
    st.builds(
        Outer,
        rate=st.floats(0, 9),
        kind=st.sampled_from(["a", "b"]),
        on=st.booleans(),
        maybe=st.none() | st.integers(),
        pair=st.tuples(st.integers(), st.text()),
        inner=st.none() | inners,
        table=st.dictionaries(st.text(), st.floats(allow_nan=False)),
        many=st.lists(inners).map(tuple),
        anything=st.none() | st.text() | st.lists(st.integers()),
    )
)
def test_there_and_back(outer: Outer) -> None:
    plain = to_dict(outer)
    assert from_dict(Outer, plain, "f") == outer
    assert plain["pair"] == list(outer.pair)  # as JSON would hold it


def test_missing_keys_take_defaults_and_whole_numbers_are_floats() -> None:
    assert from_dict(Outer, {}, "f") == Outer()
    rate = from_dict(Outer, {"rate": 2}, "f").rate
    assert (rate, type(rate)) == (2.0, float)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"rat": 1}, "f: unknown setting 'rat'; did you mean 'rate'?"),
        ({"zzz": 1}, "f: unknown setting 'zzz'; known are rate, kind, on, maybe, pair, inner,"),
        ({1: 1}, "f: unknown setting '1'; known are"),
        ({"rate": "1"}, "f, 'rate': is '1' where float is expected"),
        ({"rate": True}, "f, 'rate': is True where float is expected"),
        ({"on": 1}, "f, 'on': is 1 where bool is expected"),
        ({"maybe": 1.5}, "f, 'maybe': is 1.5 where int is expected"),
        ({"maybe": False}, "f, 'maybe': is False where int is expected"),
        ({"kind": "c"}, "f, 'kind': is 'c'; choose from a, b"),
        ({"kind": []}, "f, 'kind': is []; choose from a, b"),
        ({"pair": [1]}, "f, 'pair': is [1] where tuple is expected"),
        ({"pair": ["x", 1]}, "f, 'pair': is 'x' where int is expected"),
        ({"pair": "1x"}, "f, 'pair': is '1x' where tuple is expected"),
        ({"inner": {"depth": 1, "name": []}}, "f, 'inner': unknown setting 'name'; did you mean"),
        ({"inner": {}}, "f, 'inner': missing 1 required positional argument: 'depth'"),
        ({"inner": 3}, "f, 'inner': holds int where a table is expected"),
        ({"table": {"x": "y"}}, "f, 'table': is 'y' where float is expected"),
        ({"table": []}, "f, 'table': is [] where dict is expected"),
        ({"many": [{"depth": 1}, {"depth": "x"}]}, "f, 'many', 'depth': is 'x' where int is"),
        ({"rate": -1}, "f: rate must be 0 or more"),
        ({"rate": 10}, "f: rate is too high"),
        ([], "f: holds list where a table is expected"),
        (None, "f: holds NoneType where a table is expected"),
    ],
)
def test_what_does_not_fit_is_one_line(values: object, line: str) -> None:
    with pytest.raises(UserError) as caught:
        from_dict(Outer, values, "f")
    assert str(caught.value).startswith(line)


@dataclass(frozen=True)
class Nest:
    outer: Outer


def test_what_a_class_itself_refuses_is_placed_where_it_stands() -> None:
    with pytest.raises(UserError) as caught:
        from_dict(Nest, {"outer": {"rate": -1}}, "f")
    assert str(caught.value) == "f, 'outer': rate must be 0 or more"


def test_toml(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('rate = 1\n[inner]\ndepth = 2\nnames = ["größe"]\n', encoding="utf-8")
    assert from_dict(Outer, read_toml(path), path) == Outer(1.0, inner=Inner(2, ("größe",)))
    assert parse_toml("a = 1", "setting") == {"a": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = \n", r"s\.toml: is not TOML: .*line 1"),
        (b"a = 1\na = 2\n", r"s\.toml: is not TOML: "),
        (b"a = '\xff'", r"s\.toml: is not UTF-8 at byte 5"),
        (b"a = " + b"[" * 100_000, r"s\.toml: is not TOML: "),
        (b"a = " + b"1" * 10_000, r"s\.toml: is not TOML: "),
        (None, r"s\.toml: does not exist"),
    ],
)
def test_bad_toml_is_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "s.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_toml(path)
    assert "\n" not in str(caught.value)
