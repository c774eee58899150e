import fcntl
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

Fill = Callable[[Path], None]

# Two workers with a thread each finish before two with two, which wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell what the exactness suite has counted; here, as it is read in workers alone."""
    counts: Counter[str] = Counter()
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if getattr(report, "when", "") == "teardown":
            counts.update(dict(report.user_properties))
    for name, number in sorted(counts.items()):
        terminalreporter.write_line(name.replace("exact:", f"exact: {number:,}"))


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """The folder of a real data set below $SEQGEN_DATA; without it the test is skipped."""

    def find(name: str) -> Path:
        root = os.environ.get("SEQGEN_DATA")
        if not root:
            pytest.skip("needs real data: set SEQGEN_DATA to a folder of data sets")
        folder = Path(root) / name
        if not folder.is_dir():
            pytest.skip(f"needs real data: {folder} is not there")
        return folder

    return find


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Starts real processes at once; see ``warm.py``."""
    from warm import Warm

    found = Warm(tmp_path_factory.mktemp("warm"))
    yield found
    found.close()


@pytest.fixture
def run(warm: Any, tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs a command in a process of its own, which starts at once."""

    def start(*arguments: object, text: str = "", ok: bool = True) -> Any:
        (tmp_path / "standard-input").write_text(text)
        child = warm.start(*arguments, stdin=tmp_path / "standard-input")
        code = child.wait()
        (tmp_path / "standard-input").unlink()
        assert (code == 0) == ok, child.errors
        return subprocess.CompletedProcess(arguments, code, child.output, child.errors)

    return start


@pytest.fixture
def refused(run: Callable[..., "subprocess.CompletedProcess[str]"]) -> Callable[..., str]:
    """Runs a command that is a mistake; the one line said about it."""

    def start(*arguments: object) -> str:
        done = run(*arguments, ok=False)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        lines: list[str] = done.stderr.strip().splitlines()
        assert lines[-1].startswith("seqgen: ")
        return lines[-1]

    return start


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Fill], Path]:
    """Makes a folder in the first process that asks for it; the other waits and has it, too."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def make(name: str, fill: Fill) -> Path:
        folder, made = root / name, root / f"{name}.made"
        with open(root / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                folder.mkdir()
                fill(folder)
                made.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def train_small(once: Callable[[str, Fill], Path]) -> Callable[..., Path]:
    """Trains a small model; ``changes`` of the settings are made for a folder of its own."""
    from seqgen.training import run, settings
    from seqgen.training.report import Report

    def make(name: str, task: str, kind: str, changes: Callable[[Path], dict[str, Any]]) -> Path:
        def fill(folder: Path) -> None:
            wanted = settings.read_settings(None, changes(folder), getattr(settings, kind))
            getattr(run, f"train_{task}")(wanted, folder / "model", Report(quiet=True))

        return once(name, fill) / "model"

    return make


@pytest.fixture(scope="session")
def tiny_captioner(train_small: Callable[..., Path]) -> Path:
    """The folder of a training: a small captioner that has learned the colours of squares."""
    from squares import caption_settings

    options = {"max_epochs": 16, "learning_rate": 0.003, "batch_tokens": 200}
    return train_small(
        "squares", "captioner", "CaptionSettings",
        lambda folder: caption_settings(folder / "data", 192, **options),
    )  # fmt: skip


@pytest.fixture(scope="session")
def tiny_writer(train_small: Callable[..., Path]) -> Any:
    """A small language model that has learned a few sentences; ``folder`` is its training's."""
    from prose import prose_settings

    from seqgen.generate import load

    decoder = {
        "embedding_dim": 24, "hidden_dim": 48, "layers": 1, "attention": "none", "dropout": 0.0,
    }  # fmt: skip
    folder = train_small(
        "prose", "writer", "WritingSettings",
        lambda folder: {
            **prose_settings(folder, max_epochs=25, learning_rate=0.02), "model.decoder": decoder
        },
    )  # fmt: skip
    writer: Any = load(folder)
    writer.folder = folder
    return writer


@pytest.fixture(scope="session")
def tiny_teller(train_small: Callable[..., Path]) -> Path:
    """The folder of a training: a small model that says what three animals do."""
    from animals import animal_settings

    return train_small(
        "animals", "teller", "TellingSettings", partial(animal_settings, max_epochs=10)
    )


@pytest.fixture(scope="session")
def tiny_tagger(train_small: Callable[..., Path]) -> Path:
    """The folder of a training: a small model that tags the words of tiny sentences."""
    from tagged import tag_settings

    return train_small("tagged", "tagger", "TaggingSettings", partial(tag_settings, max_epochs=8))


@pytest.fixture(scope="session")
def tiny_bundle(train_small: Callable[..., Path]) -> Path:
    """The folder of a training: a small translator that has half learned a tiny language."""
    from pairs import settings

    return train_small(
        "tiny", "translator", "Settings", lambda folder: settings(folder / "pairs", max_epochs=6)
    )


@pytest.fixture(scope="session")
def tiny_classifier(train_small: Callable[..., Path]) -> Path:
    """The folder of a training: a small model that tells food from sport."""
    from topics import topic_settings

    return train_small(
        "topics", "classifier", "ClassifierSettings", partial(topic_settings, max_epochs=6)
    )
