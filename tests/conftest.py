import fcntl
import os
from collections import Counter
from collections.abc import Callable, Iterator
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
def tiny_captioner(once: Callable[[str, Fill], Path]) -> Path:
    """The folder of a training: a small captioner that has learned the colours of squares."""
    from squares import caption_settings

    from seqgen.training.report import Report
    from seqgen.training.run import train_captioner
    from seqgen.training.settings import CaptionSettings, read_settings

    def fill(folder: Path) -> None:
        options = {"max_epochs": 16, "learning_rate": 0.003, "batch_tokens": 200}
        changes = caption_settings(folder / "data", 192, **options)
        settings = read_settings(None, changes, CaptionSettings)
        train_captioner(settings, folder / "model", Report(quiet=True))

    return once("squares", fill) / "model"


@pytest.fixture(scope="session")
def tiny_writer(once: Callable[[str, Fill], Path]) -> Any:
    """A small language model that has learned a few sentences; ``folder`` is its training's."""
    from prose import prose_settings

    from seqgen.generate import load
    from seqgen.training.report import Report
    from seqgen.training.run import train_writer
    from seqgen.training.settings import WritingSettings, read_settings

    def fill(folder: Path) -> None:
        options = {"max_epochs": 25, "learning_rate": 0.02}
        changes = prose_settings(folder, **options)
        changes["model.decoder"] = {
            "embedding_dim": 24, "hidden_dim": 48, "layers": 1, "attention": "none", "dropout": 0.0,
        }  # fmt: skip
        settings = read_settings(None, changes, WritingSettings)
        train_writer(settings, folder / "model", Report(quiet=True))

    folder = once("prose", fill) / "model"
    writer: Any = load(folder)
    writer.folder = folder
    return writer


@pytest.fixture(scope="session")
def tiny_teller(once: Callable[[str, Fill], Path]) -> Path:
    """The folder of a training: a small model that says what three animals do."""
    from animals import animal_settings

    from seqgen.training.report import Report
    from seqgen.training.run import train_teller
    from seqgen.training.settings import TellingSettings, read_settings

    def fill(folder: Path) -> None:
        changes = animal_settings(folder, max_epochs=10)
        settings = read_settings(None, changes, TellingSettings)
        train_teller(settings, folder / "model", Report(quiet=True))

    return once("animals", fill) / "model"


@pytest.fixture(scope="session")
def tiny_tagger(once: Callable[[str, Fill], Path]) -> Path:
    """The folder of a training: a small model that tags the words of tiny sentences."""
    from tagged import tag_settings

    from seqgen.training.report import Report
    from seqgen.training.run import train_tagger
    from seqgen.training.settings import TaggingSettings, read_settings

    def fill(folder: Path) -> None:
        changes = tag_settings(folder, max_epochs=8)
        settings = read_settings(None, changes, TaggingSettings)
        train_tagger(settings, folder / "model", Report(quiet=True))

    return once("tagged", fill) / "model"


@pytest.fixture(scope="session")
def tiny_bundle(once: Callable[[str, Fill], Path]) -> Path:
    """The folder of a training: a small translator that has half learned a tiny language."""
    from pairs import settings

    from seqgen.training.report import Report
    from seqgen.training.run import train_translator
    from seqgen.training.settings import read_settings

    def fill(folder: Path) -> None:
        changes = settings(folder / "pairs", max_epochs=6)
        train_translator(read_settings(None, changes), folder / "model", Report(quiet=True))

    return once("tiny", fill) / "model"


@pytest.fixture(scope="session")
def tiny_classifier(once: Callable[[str, Fill], Path]) -> Path:
    """The folder of a training: a small model that tells food from sport."""
    from topics import topic_settings

    from seqgen.training.report import Report
    from seqgen.training.run import train_classifier
    from seqgen.training.settings import ClassifierSettings, read_settings

    def fill(folder: Path) -> None:
        settings = read_settings(None, topic_settings(folder, max_epochs=6), ClassifierSettings)
        train_classifier(settings, folder / "model", Report(quiet=True))

    return once("topics", fill) / "model"
