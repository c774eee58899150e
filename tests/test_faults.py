"""What may happen to a command from outside: one clear line, and no finished work lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import seqgen
from seqgen.bundle import read_bundle
from seqgen.errors import UserError
from seqgen.files import checksum

# Root may do everything, until it gives up the capabilities to pass over permissions.
NO_OVERRIDE = """
import ctypes
libc = ctypes.CDLL(None)
header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
assert libc.capget(header, sets) == 0
for place in (0, 1, 2):
    sets[place] &= ~0b110
assert libc.capset(header, sets) == 0
"""


def one_line(child, code=2):
    """What a process that ends with ``code`` says of its fate."""
    assert child.wait() == code, child.errors
    assert "Traceback" not in child.errors
    line = child.errors.strip().splitlines()[-1]
    assert line.startswith("seqgen: "), child.errors
    return line


def until(condition, seconds=60.0):
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def parts(folder):
    """Files and folders that were to become others."""
    return [path for path in Path(folder).rglob("*") if path.name.endswith((".part", ".old"))]


@pytest.fixture
def lines(tmp_path):
    """Some input."""
    path = tmp_path / "lines.txt"
    path.write_text("a dog\nbig red cat\n" * 200)
    return path


@pytest.fixture
def disk(tmp_path):
    """Makes small disks: file systems in memory of so many KiB."""
    mounted = []

    def make(size):
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(place)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("a small disk needs the right to mount one")
        mounted.append(place)
        return place

    yield make
    for place in mounted:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_ctrl_c_while_translating_leaves_no_output(warm, tiny_bundle, tmp_path):
    os.mkfifo(tmp_path / "in")
    child = warm.start("translate", "--model", tiny_bundle, "--output", tmp_path / "out.txt",
                       stdin=tmp_path / "in")  # fmt: skip
    with open(tmp_path / "in", "w") as pipe:  # opened by the other side too, which reads it
        pipe.write("a dog\n")
        pipe.flush()
        until(lambda: parts(tmp_path))
        child.send(signal.SIGINT)
        assert one_line(child, 130) == "seqgen: stopped"
    assert not (tmp_path / "out.txt").exists() and not parts(tmp_path)


def test_term_ends_a_translation_as_ctrl_c_does(warm, tiny_bundle, tmp_path):
    os.mkfifo(tmp_path / "in")
    child = warm.start("translate", "--model", tiny_bundle, "--output", tmp_path / "out.txt",
                       stdin=tmp_path / "in")  # fmt: skip
    with open(tmp_path / "in", "w"):
        until(lambda: parts(tmp_path))
        child.send(signal.SIGTERM)
        assert one_line(child, 130) == "seqgen: stopped"
    assert not parts(tmp_path)


def test_a_full_disk_is_one_line_and_leaves_what_was_there(warm, tiny_bundle, lines, disk):
    place = disk(64)
    (place / "out.txt").write_text("from yesterday\n")
    (place / "filler").write_bytes(bytes(56 << 10))
    child = warm.start("translate", "--model", tiny_bundle, "--json", "--input", lines, "--output",
                       place / "out.txt")  # fmt: skip
    assert one_line(child).endswith("out.txt: cannot be written: No space left on device")
    assert (place / "out.txt").read_text() == "from yesterday\n" and not parts(place)


def test_a_file_that_may_not_grow_is_one_line(warm, tiny_bundle, lines, tmp_path):
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    child = warm.start("translate", "--model", tiny_bundle, "--json", "--input", lines, "--output",
                       tmp_path / "out.txt", code=limit)  # fmt: skip
    assert one_line(child).endswith("cannot be written: File too large")
    assert not (tmp_path / "out.txt").exists() and not parts(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [("translate", "--model"), ("info",)])
def test_a_full_standard_output_is_one_line(warm, tiny_bundle, lines, arguments):
    child = warm.start(*arguments, tiny_bundle, stdin=lines, stdout="/dev/full")
    assert "cannot be written: No space left on device" in one_line(child)


@pytest.mark.parametrize("command", ["translate", "generate"])
def test_a_reader_that_has_enough_ends_the_command(warm, tiny_bundle, tiny_writer, lines, command,
                                                   tmp_path):  # fmt: skip
    os.mkfifo(tmp_path / "pipe")
    if command == "translate":
        arguments = ("translate", "--json", "--model", tiny_bundle)
    else:
        arguments = ("generate", "--length", 100_000, "--model", tiny_writer.folder)
    child = warm.start(*arguments, stdin=lines, stdout=tmp_path / "pipe")
    with open(tmp_path / "pipe") as pipe:
        assert pipe.read(20)
    assert child.wait() == 0 and child.errors == ""


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
def test_a_folder_without_permission(warm, tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "model")
    (tmp_path / "secret.txt").write_text("a dog\n")
    (tmp_path / "secret.txt").chmod(0)
    (folder / ".lock").unlink()
    folder.chmod(0o555)
    model = ("translate", "--model", folder)

    def said(*arguments):
        return one_line(warm.start(*arguments, code=NO_OVERRIDE))

    assert "secret.txt' is not readable" in said(*model, "--input", tmp_path / "secret.txt")
    assert said(*model, "--output", folder / "out", "a dog").endswith("Permission denied")
    assert said("train", "translate", "--resume", "--out", folder).endswith(
        "model: cannot be written: Permission denied"
    )
    child = warm.start(*model, "a dog", code=NO_OVERRIDE)  # reading needs no more than that
    assert child.wait() == 0 and child.output.count("\n") == 1
    (folder / "best/weights.safetensors").chmod(0)
    assert "weights.safetensors: cannot be read" in said(*model, "a dog")
    folder.chmod(0o755)


def test_too_little_memory_names_the_batch_size_to_try(warm, tiny_bundle, lines):
    limit = (
        "import resource\n"
        "from seqgen.translator import Translator\n"
        "inner = Translator.hypotheses\n"
        "def hypotheses(self, *arguments):\n"
        "    held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (held + (48 << 20),) * 2)\n"
        "    return inner(self, *arguments)\n"
        "Translator.hypotheses = hypotheses\n"
    )
    many = ("--batch-size", 400, "--beam-size", 38)
    child = warm.start("translate", "--model", tiny_bundle, *many, "--input", lines, code=limit)
    assert "batches of 400 inputs do not fit the memory; try --batch-size 200" in one_line(child)


def test_links_and_ways_out_of_a_bundle_are_refused(tiny_bundle, tmp_path):
    for name in ("config.json", "weights.safetensors", "joint.spm", "scores.json"):
        folder = shutil.copytree(tiny_bundle / "best", tmp_path / name)
        (folder / name).unlink()
        (folder / name).symlink_to(tiny_bundle / "best" / name)
        with pytest.raises(UserError, match=f"{name}: is a symbolic link"):
            seqgen.load(folder)
        (folder / name).unlink()
        os.mkfifo(folder / name)
        with pytest.raises(UserError, match=f"{name}: is no file"):
            seqgen.load(folder)
    folder = shutil.copytree(tiny_bundle / "best", tmp_path / "out")
    config = json.loads((folder / "config.json").read_text())
    for name in ("../secret", "/etc/passwd", "..", "", "a/../b"):
        config["checksums"] = {name: checksum(folder / "joint.spm")}
        (folder / "config.json").write_text(json.dumps(config))
        with pytest.raises(UserError, match="outside the bundle"):
            seqgen.load(folder)


def test_a_model_that_a_training_exchanges_while_it_is_read(tiny_bundle, tmp_path, monkeypatch):
    """Between the two renames, and between the reading of two files."""
    folder = shutil.copytree(tiny_bundle, tmp_path / "model")
    (folder / "best").rename(folder / ".best.old")
    assert read_bundle(folder).config.task == "translate"
    assert not (folder / "best").exists()  # left to the training that exchanges it
    (folder / ".best.old").rename(folder / "best")
    exchanged = []

    def exchange(path):
        if not exchanged and path.name == "weights.safetensors":
            exchanged.append(path)
            shutil.copytree(folder / "best", folder / "new")
            (folder / "best/weights.safetensors").write_bytes(b"of another time")
            (folder / "best").rename(folder / "old")
            (folder / "new").rename(folder / "best")
            path = folder / "old" / path.name
        return checksum(path)

    monkeypatch.setattr("seqgen.folders.checksum", exchange)
    assert read_bundle(folder).config.task == "translate" and exchanged


def test_an_input_that_is_cut_off_while_it_is_read(warm, tiny_bundle, tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("a dog\n" * 200_000)
    little = "from seqgen.search import batched\nbatched.WINDOW = 64"  # read at a time
    child = warm.start("translate", "--model", tiny_bundle, "--beam-size", 1, "--input", path,
                       "--output", tmp_path / "out.txt", code=little)  # fmt: skip
    until(lambda: any(part.stat().st_size for part in parts(tmp_path)))  # so it is being read
    os.truncate(path, 30_000)
    assert "long.txt: was cut off while it was read" in one_line(child)
    assert not (tmp_path / "out.txt").exists() and not parts(tmp_path)
