"""What may happen to a training from outside: one clear line, and no finished work lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pairs import settings as pair_settings
from safetensors.numpy import load_file
from test_faults import disk, one_line, parts, until

import seqgen
from seqgen.errors import UserError
from seqgen.training.report import Report
from seqgen.training.run import resume_translator

assert disk  # a fixture

# Runs before a method of the trainer or the task, in the process of the training.
BEFORE = """
import os, signal, sys, time
from seqgen.training import trainer, translation, checkpoint
def before(owner, name, act):
    inner = getattr(owner, name)
    def outer(*arguments, **options):
        act()
        return inner(*arguments, **options)
    setattr(owner, name, outer)
"""


def options(folder, **training):
    """The command that trains a tiny translator."""
    chosen = {"max_epochs": 3, "save_every": 3, **training}
    return ["train", "translate", *_set(pair_settings(folder / "data", **chosen))]


def _set(changes):
    for name, value in changes.items():
        if isinstance(value, dict):
            yield from _set({f"{name}.{key}": item for key, item in value.items()})
        else:
            yield f"--set={name}={value!r}"


def test_ctrl_c_while_the_data_is_prepared(warm, tmp_path):
    command = options(tmp_path)
    os.remove(tmp_path / "data/train.en")
    os.mkfifo(tmp_path / "data/train.en")
    child = warm.start(*command, "--out", tmp_path / "out")
    with open(tmp_path / "data/train.en", "w"):  # it waits for text
        child.send(signal.SIGINT)
        assert "stopped while its data was prepared; begin again" in one_line(child, 130)
    assert not parts(tmp_path) and not (tmp_path / "out/settings.json").exists()


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("trainer.Trainer", "_update"),
        ("translation.TranslationTask", "validate"),
        ("trainer", "write_training"),
    ],
)
def test_ctrl_c_in_training_saves_and_a_second_one_does_not_wait(warm, tmp_path, owner, name):
    command = [*options(tmp_path, max_epochs=50), "--out", tmp_path / "out"]
    once = f"before({owner}, {name!r}, lambda: os.kill(os.getpid(), signal.SIGINT))\n"
    child = warm.start(*command, code=BEFORE + once)
    assert "saved; go on with: seqgen train translate --out" in one_line(child, 130)
    assert not parts(tmp_path)
    assert len(load_file(tmp_path / "out/last/training.safetensors")) > 10
    step = json.loads((tmp_path / "out/last/training.json").read_text())["step"]
    twice = f"before({owner}, {name!r}, lambda: (kill(), time.sleep(1.1), kill()))\n"
    kill = "kill = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
    child = warm.start(
        "train", "translate", "--resume", "--out", tmp_path / "out", code=BEFORE + kill + twice
    )
    assert "stopped without saving; go on with" in one_line(child, 130)
    assert not [path for path in parts(tmp_path) if path.name.endswith(".part")]
    kept = json.loads((tmp_path / "out/last/training.json").read_text())["step"]
    assert kept >= step
    assert seqgen.load(tmp_path / "out/last").translate(["a dog"])


def test_two_trainings_in_one_folder(warm, tmp_path):
    command = [*options(tmp_path, max_epochs=1000), "--out", tmp_path / "out"]
    first = warm.start(*command)
    until(lambda: (tmp_path / "out/last").exists())
    for second in (command, ["train", "translate", "--resume", "--out", tmp_path / "out"]):
        line = one_line(warm.start(*second))
        assert f"process {first.pid} is training in this folder" in line
    first.send(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    again = warm.start("train", "translate", "--resume", "--out", tmp_path / "out")
    until(lambda: "precision" in again.errors)  # the lock died with its holder
    again.send(signal.SIGINT)
    assert "--resume" in one_line(again, 130)


def test_a_full_disk_while_saving_keeps_the_last_checkpoint(warm, tmp_path, disk):
    place = disk(6000)
    command = [*options(tmp_path, max_epochs=2), "--out", place / "out"]
    fill = (
        "saves = []\n"
        "def fill():\n"
        "    saves.append(1)\n"
        "    if len(saves) == 2:\n"
        "        file = os.open(sys.argv[-1] + '/../filler', os.O_WRONLY | os.O_CREAT)\n"
        "        try:\n"
        "            while True: os.write(file, bytes(4096))\n"
        "        except OSError: os.ftruncate(file, os.fstat(file).st_size - (200 << 10))\n"
        "before(trainer.Trainer, '_save', fill)\n"
    )
    child = warm.start(*command, code=BEFORE + fill)
    line = one_line(child)
    assert "cannot be written: No space left on device" in line
    assert "No space left on device; training goes on and will save again" in child.errors
    state = json.loads((place / "out/last/training.json").read_text())
    assert state["step"] == 3 and not parts(place)
    (place / "filler").unlink()
    assert warm.start("train", "translate", "--resume", "--out", place / "out").wait() == 0
    whole = warm.start(*command[:-1], tmp_path / "whole")
    assert whole.wait() == 0
    found = [
        load_file(folder / "last/training.safetensors")
        for folder in (place / "out", tmp_path / "whole")
    ]
    assert all((found[0][name] == found[1][name]).all() for name in found[1])


def test_too_little_memory_names_the_batch_to_try(warm, tmp_path):
    command = [*options(tmp_path, batch_tokens=100_000, save_every=1), "--out", tmp_path / "out"]
    command += ["--set=model.decoder.hidden_dim=1024"]  # a tensor alone is more than is left,
    limit = (  # which is enough for what torch allocates without asking whether it could
        "import resource\n"
        "def limit():\n"
        "    held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (held + (32 << 20),) * 2)\n"
        "before(trainer.Trainer, '_update', limit)\n"
    )
    line = one_line(warm.start(*command, code=BEFORE + limit))
    assert "batches of 100000 tokens do not fit the memory" in line
    assert "batch_tokens = 50000 and accumulate = 2" in line


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A training that has ended after its first epoch."""
    from seqgen.training.run import train_translator
    from seqgen.training.settings import read_settings

    folder = tmp_path_factory.mktemp("stopped")
    changes = pair_settings(folder / "pairs", max_epochs=1)
    train_translator(read_settings(None, changes), folder / "out", Report(quiet=True))
    return folder


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("data/train/source.tokens.npy", "source.tokens.npy: has changed since"),
        ("data/train/target_text.offsets.npy", "offsets.npy: has changed since"),
        ("data/train/store.json", "store.json: has changed since"),
        ("data/joint.spm", "joint.spm: has changed since"),
        ("settings.json", "settings.json"),
        ("beginning.json", "beginning.json"),
        ("last/training.safetensors", "training.safetensors: cannot be read"),
        ("last/training.json", "training.json"),
    ],
)
@pytest.mark.parametrize("share", [0.0, 0.6])
def test_what_is_cut_off_is_named(stopped, tmp_path, name, message, share):
    out = shutil.copytree(stopped / "out", tmp_path / "out")
    path = out / name
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UserError, match=message):
        resume_translator(out, Report(quiet=True))
    path.unlink()
    if name != "beginning.json":
        with pytest.raises(UserError, match=Path(name).name):
            resume_translator(out, Report(quiet=True))


def test_other_settings_or_data_are_named(warm, stopped, tmp_path):
    out = shutil.copytree(stopped / "out", tmp_path / "out")
    said = json.loads((out / "settings.json").read_text())
    said["training"]["learning_rate"], said["model"]["decoder"]["layers"] = 0.5, 7
    (out / "settings.json").write_text(json.dumps(said))
    with pytest.raises(UserError, match=r"layers was 2 and is 7, training.learning_rate was 0.01"):
        resume_translator(out, Report(quiet=True))
    shutil.copy(stopped / "out/settings.json", out)
    resume = ("train", "translate", "--resume", "--out", out)
    assert warm.start(*resume, "--seed", 1, "--max-epochs", 1).wait() == 0
    line = one_line(warm.start(*resume, "--seed", 2))
    assert "other settings: training.seed was 1 and is 2; with --resume give --out alone" in line
    source = stopped / "pairs/train.en"
    text = source.read_text()
    source.write_text(text.replace("dog", "cat", 1))
    with pytest.raises(UserError, match=r"train.en: has changed since the training began"):
        resume_translator(out, Report(quiet=True))
    source.unlink()  # what was made of it is all that is needed
    resume_translator(out, Report(quiet=True))
    source.write_text(text)


def test_what_cannot_begin_leaves_no_folder(warm, tmp_path):
    command = ["train", "translate", "--out", tmp_path / "deep/out", "--train-source", "nowhere"]
    assert "is not given" in one_line(warm.start(*command))
    assert not (tmp_path / "deep/out").exists()


def test_what_could_not_begin_begins_when_it_is_mended(warm, tmp_path):
    command = [*options(tmp_path, max_epochs=1), "--out", tmp_path / "out"]
    wrong = "--set=model.encoder_options.widht=16"
    assert "widht" in one_line(warm.start(*command, wrong))
    assert not (tmp_path / "out/settings.json").exists()
    assert warm.start(*command).wait() == 0
    assert (tmp_path / "out/best").is_dir()


def test_a_source_that_changes_while_it_is_prepared(warm, tmp_path):
    command = [*options(tmp_path), "--out", tmp_path / "out"]
    append = (
        "from seqgen.data import prepare\n"
        f"path = {str(tmp_path / 'data/train.en')!r}\n"
        "before(translation, 'prepare_pairs', lambda: open(path, 'a').write('one more\\n'))\n"
    )
    line = one_line(warm.start(*command, code=BEFORE + append))
    assert "train.en" in line
    assert not (tmp_path / "out/settings.json").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="torchrun with gloo is tested on Linux")
def test_a_worker_that_is_killed_stops_the_others(tmp_path):
    out = tmp_path / "out"
    command = [*options(tmp_path, max_epochs=1000, batch_tokens=100, save_every=5), "--out", out]
    launch = ["torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "seqgen"]
    process = subprocess.Popen(
        [sys.executable, "-m", *launch, *map(str, command)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    until(lambda: (out / "last/training.json").exists(), 200)
    first = int((out / ".lock").read_text())
    (second,) = _children(process.pid) - {first}
    os.kill(second, signal.SIGKILL)
    _, errors = process.communicate(timeout=100)
    assert process.returncode != 0
    said = [line for line in errors.splitlines() if line.startswith("seqgen: ")]
    assert said == [
        "seqgen: another process of this training has ended; see what it said;"
        " the last checkpoint is kept, go on with --resume"
    ]
    assert not parts(out)
    assert seqgen.load(out / "last").translate(["a dog"])


def _children(parent):
    """The processes that ``parent`` has started."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:  # just ended
            continue
        if int(fields[1]) == parent:
            found.add(int(status.parent.name))
    return found
