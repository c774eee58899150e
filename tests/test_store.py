import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.data.store import INFO, Ragged, RaggedWriter, Store, StoreInfo, write_info
from seqgen.errors import UserError

ROWS = [[1, 2, 3], [], [65535, 0]]


def write(path: Path, rows: list[list[int]], dtype: str = "uint16") -> Ragged:
    with RaggedWriter(path, dtype) as writer:
        writer.extend(rows)
    return Ragged.open(path)


@given(
    blocks=st.lists(st.lists(st.lists(st.integers(0, 255), max_size=9), max_size=5), max_size=5),
    dtype=st.sampled_from(["uint8", "uint16", "int32"]),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[list[list[int]]], dtype: str
) -> None:
    path = tmp_path_factory.mktemp("store") / "column"
    with RaggedWriter(path, dtype) as writer:
        for i, block in enumerate(blocks):
            as_bytes = dtype == "uint8" and i % 2
            writer.extend([bytes(row) for row in block] if as_bytes else block)
    rows = [row for block in blocks for row in block]
    ragged = Ragged.open(path)
    assert [ragged[i].tolist() for i in range(len(ragged))] == rows
    assert ragged.lengths.tolist() == [len(row) for row in rows]
    assert ragged.lengths.dtype == np.int32
    assert ragged.tokens.dtype == dtype


def test_files_are_numpys_own(tmp_path: Path) -> None:
    write(tmp_path / "column", ROWS)
    assert np.load(tmp_path / "column.tokens.npy").tolist() == [1, 2, 3, 65535, 0]
    assert np.load(tmp_path / "column.offsets.npy").tolist() == [0, 3, 3, 5]


def test_rows_are_views_of_the_file(tmp_path: Path) -> None:
    ragged = write(tmp_path / "column", ROWS)
    assert np.shares_memory(ragged[0], ragged.tokens)
    assert not ragged[0].flags.writeable
    assert ragged[-1].tolist() == ROWS[-1]
    for row in (3, -4):
        with pytest.raises(IndexError):
            ragged[row]


def test_a_token_too_large_for_its_type_leaves_nothing(tmp_path: Path) -> None:
    for rows in ([[65536]], [[-1]]):
        with pytest.raises(OverflowError), RaggedWriter(tmp_path / "c", "uint16") as writer:
            writer.extend(rows)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="float32"):
        RaggedWriter(tmp_path / "c", "float32")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        write(tmp_path / "file" / "column", ROWS)


@pytest.mark.parametrize("part", ["tokens", "offsets"])
def test_every_cut_and_every_foreign_file_is_refused(tmp_path: Path, part: str) -> None:
    write(tmp_path / "c", ROWS)
    path = tmp_path / f"c.{part}.npy"
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(UserError, match=path.name):
            Ragged.open(tmp_path / "c")
    foreign = [whole + b"\0", b"PK\x03\x04" + whole, whole.replace(b"(", b"-", 1), b"text\n"]
    for content in foreign:
        path.write_bytes(content)
        with pytest.raises(UserError, match=path.name):
            Ragged.open(tmp_path / "c")
    path.unlink()
    with pytest.raises(UserError, match="does not exist"):
        Ragged.open(tmp_path / "c")


def test_every_changed_byte_of_a_header_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "c", ROWS)
    path = tmp_path / "c.tokens.npy"
    whole = path.read_bytes()
    for place in range(128):
        raw = bytearray(whole)
        raw[place] ^= 1
        path.write_bytes(raw)
        with pytest.raises(UserError, match="no array of a store"):
            Ragged.open(tmp_path / "c")


@pytest.mark.parametrize("offsets", [[0, 3, 2, 5], [1, 3, 3, 5], [0, 3, 3, 4], []])
def test_offsets_that_do_not_fit_are_refused(tmp_path: Path, offsets: list[int]) -> None:
    write(tmp_path / "c", ROWS)
    np.save(tmp_path / "c.offsets.npy", np.array(offsets, np.int64))
    with pytest.raises(UserError, match=r"offsets.npy.*prepare it again"):
        Ragged.open(tmp_path / "c")


@pytest.mark.parametrize("array", [np.zeros((5, 1), np.uint16), np.zeros(5, np.float32)])
def test_arrays_of_another_kind_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    write(tmp_path / "c", ROWS)
    np.save(tmp_path / "c.tokens.npy", array)
    with pytest.raises(UserError, match="no array of a store"):
        Ragged.open(tmp_path / "c")


def make_store(folder: Path) -> Store:
    write(folder / "source", ROWS)
    write(folder / "source_text", [list("né".encode()), [], []], "uint8")
    write_info(folder, StoreInfo(("source", "source_text"), 3, settings={"a": [1]}))
    return Store.open(folder)


def test_store(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    assert len(store) == 3
    assert list(store.columns) == ["source", "source_text"]
    assert store.texts("source_text", np.array([1, 0])) == ["", "né"]
    assert store.info.settings == {"a": [1]}


def test_text_that_is_damaged(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    path = next((tmp_path / "s").glob("source_text.tokens*"))
    path.write_bytes(path.read_bytes()[:-2] + b"\xff\xff")
    with pytest.raises(UserError, match="column 'source_text' is not UTF-8; prepare it again"):
        store.texts("source_text", range(3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": 4}, "has 3 rows where store.json says 4"),
        ({"version": 2}, "layout 2"),
        ({"columns": ["source", "target"]}, "target.tokens.npy: does not exist"),
        ({"column": []}, "did you mean 'columns'"),
    ],
)
def test_store_that_disagrees_with_its_columns(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    make_store(tmp_path / "s")
    info = json.loads((tmp_path / "s" / INFO).read_text())
    (tmp_path / "s" / INFO).write_text(json.dumps(info | change))
    with pytest.raises(UserError, match=message):
        Store.open(tmp_path / "s")


def test_no_store(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no prepared data"):
        Store.open(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        Store.open(tmp_path / "nothing")
