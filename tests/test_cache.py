import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from feature_rows import KEY, add, name, values
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.data.cache import FEATURES, INDEX, JOURNAL, LOCK, CacheKey, FeatureCache, opened
from seqgen.errors import UserError
from seqgen.files import write_json, write_text

FLIP = CacheKey("abc", {"size": 224}, flip=True)


def read(folder: Path, images: range, key: CacheKey = KEY) -> FeatureCache:
    with opened(folder, key, str) as writer:
        return writer.reader([name(i) for i in images])


def check(folder: Path, images: range, key: CacheKey = KEY) -> None:
    cache = read(folder, images, key)
    assert len(cache) == len(images)
    found = cache.rows(range(len(images)))
    assert found.dtype == np.float16
    assert np.array_equal(found, np.concatenate([values(i)[:1] for i in images]))
    assert cache.shape == (2, 1, 3)


def test_rows_are_what_was_added(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "cache"
    add(folder, range(3), range(3, 4))
    add(folder, range(2, 6))
    check(folder, range(6))
    cache = read(folder, range(5, 0, -1))
    assert np.array_equal(cache.rows([0, 3, 0]), np.concatenate([values(i) for i in (5, 2, 5)]))
    assert sorted(path.name for path in folder.iterdir()) == sorted([FEATURES, LOCK, INDEX])
    with pytest.raises(ValueError, match="no mirror images"):
        cache.rows([0, 1], [False, True])
    assert cache.rows([0], [False]).shape == (1, 2, 1, 3)
    with pytest.raises(IndexError):
        cache.rows([5])


def test_mirror_images(tmp_path: Path) -> None:
    add(tmp_path, range(2), range(2, 5), key=FLIP)
    check(tmp_path, range(5), FLIP)
    mask = np.array([True, False, True])
    found = read(tmp_path, range(5), FLIP).rows(np.array([4, 1, 0]), mask)
    assert np.array_equal(found, np.stack([-values(4)[0], values(1)[0], -values(0)[0]]))


def test_the_array_is_numpys_own_and_mapped(tmp_path: Path) -> None:
    add(tmp_path, range(3), key=FLIP)
    array = np.load(tmp_path / FEATURES, mmap_mode="r")
    assert array.shape == (6, 2, 1, 3)
    assert array.dtype == np.float16
    assert np.array_equal(array, np.concatenate([values(i, True) for i in range(3)]))
    assert not read(tmp_path, range(3), FLIP).array.flags.writeable
    assert json.loads((tmp_path / INDEX).read_text())["images"] == [name(i) for i in range(3)]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (CacheKey("abd", KEY.transform), "made with another weights; computing features anew"),
        (CacheKey("abc", {"size": 225, "mean": (0.5, 0.25)}), "made with another transform"),
        (CacheKey("abc", KEY.transform, flip=True), "made with another flip"),
        (CacheKey("x", {}), "made with another weights and transform"),
    ],
)
def test_another_key_begins_anew(tmp_path: Path, key: CacheKey, message: str) -> None:
    add(tmp_path, range(3))
    before = read(tmp_path, range(3))
    said: list[str] = []
    with opened(tmp_path, key, said.append) as writer:
        assert writer.places == {}
    assert len(said) == 1
    assert message in said[0]
    add(tmp_path, range(7, 9), key=key)
    check(tmp_path, range(7, 9), key)
    for i in range(3):  # who reads the old one can go on
        assert np.array_equal(before.rows([i]), values(i))


@pytest.mark.parametrize("before", [0, 2])  # images there already
def test_a_kill_before_any_step_loses_no_more_than_a_batch(tmp_path: Path, before: int) -> None:
    (tmp_path / "start").mkdir()
    if before:
        add(tmp_path / "start", range(before))
    program = Path(__file__).parent / "feature_rows.py"
    command = [sys.executable, str(program), str(tmp_path)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    codes = list(map(int, run.stdout.split()))
    assert codes == [-signal.SIGKILL] * (len(codes) - 1) + [0]
    assert len(codes) > 10
    counts = []
    for step in range(1, len(codes) + 1):
        folder = tmp_path / str(step)
        with opened(folder, KEY, str) as writer:
            counts.append(len(writer.places))
        if counts[-1]:
            check(folder, range(counts[-1]))
        add(folder, range(7))
        check(folder, range(7))
        assert np.load(folder / FEATURES).shape == (7, 2, 1, 3)
    assert counts == sorted(counts)
    assert set(counts) == {before, 4, 6, 7}


@settings(deadline=None, max_examples=25)
@given(whole=st.integers(0, 3), part=st.integers(0, 64), garbage=st.binary(max_size=40))
def test_torn_lines_and_rows_are_dropped(
    tmp_path_factory: pytest.TempPathFactory, whole: int, part: int, garbage: bytes
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    add(folder, range(2))
    index = (folder / INDEX).read_bytes()
    add(folder, range(2, 5))
    (folder / INDEX).write_bytes(index)
    lines = "".join(f"{name(2 + i)}\n" for i in range(3)) + name(9)
    (folder / JOURNAL).write_text(lines[: 65 * whole + part])
    with open(folder / FEATURES, "ab") as file:
        file.write(garbage)
    with opened(folder, KEY, str) as writer:
        assert list(writer.places) == [name(i) for i in range(2 + whole)]
    assert not (folder / JOURNAL).exists()
    check(folder, range(2 + whole))
    add(folder, range(9))
    check(folder, range(9))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (INDEX, b"{", "index.json, line 1: is not JSON"),
        (INDEX, b"{}", "index.json: .*missing"),
        (
            INDEX,
            b'{"key": {"weights": "abc"}, "shape": [2, 1]}',
            "index.json: is of another layout",
        ),
        (JOURNAL, b"x\n", "features.journal: is damaged"),
        (FEATURES, None, "features.npy: does not exist"),
        (FEATURES, b"", "features.npy: is no array, or cut off"),
        (FEATURES, b"\x93NUMPY\x01\x00", "features.npy: is no array, or cut off"),
        (FEATURES, b"PK\x03\x04", "features.npy: is no array, or cut off"),
    ],
)
def test_damage_is_one_line(tmp_path: Path, file: str, content: bytes | None, message: str) -> None:
    add(tmp_path, range(3))
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(UserError, match=f"{message}.*; delete .* to compute") as caught:
        add(tmp_path, range(3))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["x", "\\ud800" * 64, name(1)], ids=ascii)
def test_an_index_of_what_are_no_checksums_or_one_twice(tmp_path: Path, wrong: str) -> None:
    add(tmp_path, range(3))
    index = tmp_path / INDEX
    index.write_text(index.read_text().replace(name(0), wrong))
    with pytest.raises(UserError, match=r"index.json: is damaged; delete .* to compute"):
        add(tmp_path, range(3))


def test_an_array_of_another_length_or_shape(tmp_path: Path) -> None:
    add(tmp_path, range(3))
    path = tmp_path / FEATURES
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(UserError, match="is no array, or cut off"):
        read(tmp_path, range(3))
    np.save(path, np.zeros((2, 2, 1, 3), np.float16))
    with pytest.raises(UserError, match="is cut off"):
        read(tmp_path, range(3))
    for wrong in (np.zeros((3, 2, 1, 3), np.float32), np.zeros((3, 2, 1, 4), np.float16)):
        np.save(path, wrong)
        with pytest.raises(UserError, match="not the array that its index tells of"):
            read(tmp_path, range(3))
    path.write_bytes(whole)
    check(tmp_path, range(3))
    wide = np.zeros((1, 1, 2, 2, 2), np.float16)
    with (
        pytest.raises(UserError, match=r"\(2, 1, 3\) where the network now gives \(2, 2, 2\)"),
        opened(tmp_path, KEY, str) as writer,
    ):
        writer.add([name(5)], wide)
    check(tmp_path, range(3))


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    write_text(mine / FEATURES, "mine")
    with pytest.raises(UserError, match="mine: holds other things than a feature cache; choose"):
        add(mine, range(1))
    with pytest.raises(UserError, match="cannot be written"):
        add(mine / FEATURES, range(1))
    assert [path.read_text() for path in mine.iterdir()] == ["mine"]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch) -> None:
    add(tmp_path, range(3))

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    with (
        pytest.raises(UserError, match="cannot be written: No space left"),
        opened(tmp_path, KEY, str) as writer,
    ):
        writer.add([name(3)], values(3)[None])
        monkeypatch.setattr("os.fsync", fail)
        writer.add([name(4)], values(4)[None])
    monkeypatch.undo()
    with opened(tmp_path, KEY, str) as writer:
        assert list(writer.places) == [name(i) for i in range(4)]
    check(tmp_path, range(4))


def test_one_at_a_time(tmp_path: Path) -> None:
    """A second process waits until the first is done, and says so."""
    program = (
        "import sys; from pathlib import Path; from feature_rows import KEY, opened\n"
        "with opened(Path(sys.argv[1]), KEY, lambda text: print(text, flush=True)) as writer:\n"
        "    print(len(writer.places), flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with opened(tmp_path, KEY, str) as writer:
        other = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent
        )
        assert other.stdout is not None
        assert "waiting for another process" in other.stdout.readline()
        writer.add([name(0), name(1)], np.stack([values(0), values(1)]))
        assert other.poll() is None
    with other:
        assert other.stdout.readline() == "2\n"


def test_threads_take_turns_too(tmp_path: Path) -> None:
    threads = [threading.Thread(target=add, args=(tmp_path, range(i, i + 3))) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(tmp_path, range(8))


def test_a_network_that_changed_its_shape_before_the_first_rows(tmp_path: Path) -> None:
    add(tmp_path, range(2))
    index = json.loads((tmp_path / INDEX).read_text())
    write_json(tmp_path / INDEX, {**index, "images": [], "shape": [9, 9, 9]})
    add(tmp_path, range(2))
    check(tmp_path, range(2))
