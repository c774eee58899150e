"""Several processes give what one gives, in order and in memory that does not grow."""

import os
import signal

import pytest
from typer.testing import CliRunner

from seqgen.cli import app
from seqgen.errors import UserError
from seqgen.processes import shared
from seqgen.search import batched


def upper():
    return lambda lines, first: [f"{first + i} {line.upper()}" for i, line in enumerate(lines)]


def counts():
    return lambda lines, first: [str(len(lines))] * len(lines)


def dying():
    os.kill(os.getpid(), signal.SIGKILL)


def failing():
    raise UserError("is no model", "model", "give another")


def test_lines_come_in_order_and_no_more_are_read_than_wait():
    read = []

    def lines():
        for i in range(100):
            read.append(i)
            yield f"a{i}"

    found = shared(upper, lines(), 2, 7)
    assert next(found) == "0 A0" and len(read) == 21
    assert list(found) == [f"{i} A{i}" for i in range(1, 100)]
    assert list(shared(upper, [], 2, 7)) == []


def test_a_few_lines_are_shared_too():
    assert list(shared(counts, ["a"] * 11, 2, 4096)) == ["6"] * 6 + ["5"] * 5
    assert list(shared(counts, ["a"], 2, 4096)) == ["1"]


@pytest.mark.parametrize(
    ("make", "message"), [(dying, "fewer --processes"), (failing, "model: is no model; give")]
)
def test_what_goes_wrong_in_a_process_is_told_here(make, message):
    with pytest.raises(UserError, match=message):
        list(shared(make, ["a"] * 10, 2, 3))


def test_a_file_translated_by_two_processes_is_that_of_one(tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(batched, "WINDOW", 40)
    words = ("a dog", "", "big red cat", "cat sees dog", "red")
    (tmp_path / "in.txt").write_text("".join(f"{words[i * i % 5]}\n" for i in range(150)))
    options = ["--model", tiny_bundle, "--input", tmp_path / "in.txt", "--temperature", 1.5]
    for processes in (1, 2):
        more = ["--processes", processes, "--threads", 1, "--output", tmp_path / str(processes)]
        found = CliRunner().invoke(app, ["translate", *map(str, [*options, *more])])
        assert found.exit_code == 0, found.output
    one, two = ((tmp_path / name).read_bytes() for name in ("1", "2"))
    assert one == two and one.count(b"\n") == 150 and len(set(one.splitlines())) > 10
