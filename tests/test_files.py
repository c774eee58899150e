import errno
import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.errors import UserError
from seqgen.files import (
    checksum,
    read_bytes,
    read_json,
    read_lines,
    set_aside,
    settle_folder,
    unreadable,
    write_bytes,
    write_json,
    write_text,
    writing,
    writing_folder,
)


def tree(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_files_are_written_with_their_folders(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a" / "b" / "c", b"\0x")
    write_text(tmp_path / "t", "größe\r\n")
    write_json(tmp_path / "j.json", {"ß": [1.5, None]})
    assert tree(tmp_path) == {
        "a/b/c": b"\0x",
        "t": "größe\r\n".encode(),
        "j.json": b'{\n  "\xc3\x9f": [\n    1.5,\n    null\n  ]\n}\n',
    }
    assert read_json(tmp_path / "j.json") == {"ß": [1.5, None]}


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, UserError])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    write_text(tmp_path / "f", "old")
    with pytest.raises(failure), writing(tmp_path / "f") as file:
        file.write(b"half")
        raise failure("stop")
    assert tree(tmp_path) == {"f": b"old"}


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    message = "f: cannot be written: No space left"
    with pytest.raises(UserError, match=message), writing(tmp_path / "f") as file:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert tree(tmp_path) == {}


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "old")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "below", tmp_path / "folder"):
        with pytest.raises(UserError, match="cannot be written"):
            write_text(path, "new")
    assert tree(tmp_path) == {"file": b"old"}


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    for read in (read_bytes, read_json, checksum, lambda path: list(read_lines(path))):
        with pytest.raises(UserError, match="nothing: does not exist; check the path"):
            read(tmp_path / "nothing")
        with pytest.raises(UserError, match="is a folder where a file is expected"):
            read(tmp_path)
    assert str(unreadable(Path("x"), PermissionError(13, "Permission denied"))) == (
        "x: cannot be read: Permission denied"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1,\n]', r"f, line 2: is not JSON: "),
        (b"", r"f, line 1: is not JSON: "),
        (b'"\xff"', r"f: is not UTF-8 at byte 1"),
        (b"[" * 100_000, r"f: is JSON nested too deeply"),
        (b"1" * 10_000, r"f: is not JSON: "),
    ],
)
def test_broken_json_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    write_bytes(tmp_path / "f", content)
    with pytest.raises(UserError, match=message):
        read_json(tmp_path / "f")


@given(
    lines=st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))),
    last=st.booleans(),
    zipped=st.booleans(),
)
def test_lines_end_at_line_feeds_alone(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], last: bool, zipped: bool
) -> None:
    raw = "\n".join(lines).encode() + (b"\n" if last and lines else b"")
    path = tmp_path_factory.mktemp("lines") / ("f.gz" if zipped else "f")
    path.write_bytes(gzip.compress(raw) if zipped else raw)
    expected = raw.removesuffix(b"\n").split(b"\n") if raw else []
    texts = [line.decode() for line in expected]
    if texts:
        texts[0] = texts[0].removeprefix("\ufeff")
    assert list(read_lines(path)) == [text.removesuffix("\r") for text in texts]


def test_bytes_that_are_no_text_are_placed(tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_bytes(path, "größe\nx".encode() + b"\xc3\n")
    with pytest.raises(UserError, match=r"f, line 2: is not UTF-8 at byte 9$"):
        list(read_lines(path))
    assert path.read_bytes()[9] == 0xC3


def test_broken_gzip_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "f.gz"
    whole = gzip.compress(b"".join(b"%d\n" % (i * i) for i in range(9999)))
    middle = len(whole) // 2
    for content in (b"plain\n", whole[:middle], whole[:middle] + bytes(9) + whole[middle + 9 :]):
        write_bytes(path, content)
        with pytest.raises(UserError, match=r"f\.gz: cannot be read: ."):
            list(read_lines(path))


def test_checksum_is_sha256(tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    write_bytes(tmp_path / "f", content)
    assert checksum(tmp_path / "f") == hashlib.sha256(content).hexdigest()


def test_a_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    for text in ("one", "two"):
        with writing_folder(tmp_path / "d") as folder:
            write_text(folder / text, text)
    assert tree(tmp_path) == {"d/two": b"two"}


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, OSError])
def test_a_failure_leaves_the_old_folder(tmp_path: Path, failure: type[BaseException]) -> None:
    with writing_folder(tmp_path / "d") as folder:
        write_text(folder / "f", "old")
    expected = UserError if failure is OSError else failure
    with pytest.raises(expected), writing_folder(tmp_path / "d") as folder:
        write_text(folder / "f", "half")
        raise failure("stop")
    assert tree(tmp_path) == {"d/f": b"old"}


KILLED = """
import os, sys
from pathlib import Path
from seqgen.files import write_text, writing_folder

call, replace = int(sys.argv[1]), os.replace

def stop(source, target):
    global call
    call -= 1
    if call == 0:
        os._exit(9)
    replace(source, target)

os.replace = stop
with writing_folder(Path(sys.argv[2])) as folder:
    write_text(folder / "f", "new")
"""


@pytest.mark.parametrize("call", [1, 2, 3])  # the renames: of f, of d away, of d into place
def test_a_folder_survives_a_kill_before_any_rename(tmp_path: Path, call: int) -> None:
    path = tmp_path / "d"
    with writing_folder(path) as folder:
        write_text(folder / "f", "old")
    command = [sys.executable, "-c", KILLED, str(call), str(path)]
    assert subprocess.run(command, check=False).returncode == 9
    settle_folder(path)
    assert tree(path) == {"f": b"old"}
    with writing_folder(path) as folder:
        write_text(folder / "f", "newer")
    assert tree(tmp_path) == {"d/f": b"newer"}


def test_a_kill_before_the_old_folder_is_gone_is_no_harm(tmp_path: Path) -> None:
    for text in ("old", "new"):
        with writing_folder(tmp_path / "d") as folder:
            write_text(folder / "f", text)
    write_text(set_aside(tmp_path / "d") / "f", "old")
    with writing_folder(tmp_path / "d") as folder:
        write_text(folder / "f", "newer")
    assert tree(tmp_path) == {"d/f": b"newer"}


def test_a_file_is_no_place_for_a_folder(tmp_path: Path) -> None:
    write_text(tmp_path / "f", "mine")
    for path in (tmp_path / "f", tmp_path / "f" / "d"):
        with pytest.raises(UserError), writing_folder(path):
            pass
    assert tree(tmp_path) == {"f": b"mine"}


def test_json_that_python_writes_is_read(tmp_path: Path) -> None:
    value = {"a": [1, 2.5, True, None, {"b": "c"}]}
    write_json(tmp_path / "j", value)
    assert json.loads((tmp_path / "j").read_text()) == value
