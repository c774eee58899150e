import json
import shutil
import subprocess
import sys

import pytest
from pairs import settings
from test_plugins import install

import seqgen
from seqgen.errors import UserError
from seqgen.sources import Code, approved
from seqgen.training.report import Report
from seqgen.training.run import TRANSLATE, resume, train_translator
from seqgen.training.settings import read_settings

OWN = """
from seqgen import Greedy
from seqgen.model.attention import Attention


class Own(Attention):
    def __init__(self, query_dim, memory_dim):
        super().__init__(query_dim, memory_dim)


def same(prefix, log_probs):
    return log_probs


class Search(Greedy):
    pass
"""
PARTS = {"attention": "Own", "strategy": "Search", "processor 1": "same"}
LINES = ["a big dog", "red cat"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a file for each part, and the training of a translator with them."""
    folder = tmp_path_factory.mktemp("parts")
    for name in PARTS:
        (folder / f"{name[:4]}.py").write_text(OWN)
    changes = settings(folder / "pairs", max_epochs=1)
    changes["model.decoder"] = changes["model.decoder"] | {"attention": f"{folder}/atte.py:Own"}
    changes["search.processors"] = [f"{folder}/proc.py:same"]
    changes["search.strategy"] = f"{folder}/stra.py:Search"
    train_translator(read_settings(None, changes), folder / "out", Report(quiet=True))
    return folder


@pytest.fixture
def place(trained, tmp_path, monkeypatch):
    """A copy of it in a folder that is the current one; the recorded files are the copy's."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    out = tmp_path / "out"
    for path in [*out.glob("*/config.json"), out / "settings.json", out / "beginning.json"]:
        path.write_text(path.read_text().replace(str(trained), str(tmp_path)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(call, *arguments, **options):
    with pytest.raises(UserError) as caught:
        call(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize("name", PARTS)
def test_every_part_is_recorded_and_compared(place, name):
    config = json.loads((place / "out/best/config.json").read_text())
    assert sorted(config["sources"]) == sorted(PARTS)
    path = place / f"{name[:4]}.py"
    assert config["sources"][name]["spec"] == f"{path}:{PARTS[name]}"
    expected = seqgen.load("out").translate(LINES)
    path.write_text(OWN + "\n")
    told = refused(seqgen.load, "out")
    assert name.split()[0] in told and "has changed" in told
    assert "has changed" in refused(resume, TRANSLATE, place / "out", Report(quiet=True))
    assert seqgen.load("out", accept_source=True).translate(LINES) == expected
    path.rename("moved.py")
    told = refused(seqgen.load, "out")
    assert "does not exist" in told
    if name == "attention":
        moved = seqgen.load("out", attention="moved.py:Own", accept_source=True)
        assert moved.translate(LINES) == expected
    else:
        assert "take it out of [search] in out/best/config.json" in told


def edit(place, name, spec):
    path = place / "out/best/config.json"
    config = json.loads(path.read_text())
    config["sources"].pop(name)
    if name == "attention":
        config["model"]["decoder"]["attention"] = spec
    elif name == "strategy":
        config["search"]["strategy"] = spec
    else:
        config["search"]["processors"] = [spec]
    path.write_text(json.dumps(config))


@pytest.mark.parametrize("name", PARTS)
def test_no_part_comes_from_the_bundle_itself(place, name, capsys):
    inside = place / "out/best/evil_part.py"
    inside.write_text("print('it ran')\n" + OWN)
    edit(place, name, f"{inside}:{PARTS[name]}")
    assert "own folder and is not run" in refused(seqgen.load, "out", accept_source=True)
    assert "it ran" not in capsys.readouterr().out


def test_nor_by_a_module_that_happens_to_be_importable(place):
    (place / "out/best/evil_part.py").write_text("print('it ran')\n" + OWN)
    edit(place, "attention", "evil_part:Own")
    command = [sys.executable, "-m", "seqgen", "translate", "--model", ".", "a big dog"]
    folder = place / "out/best"
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "own folder and is not run" in done.stderr
    assert "it ran" not in done.stdout


def test_nor_by_the_name_of_an_entry_point(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "evil_part.py").write_text("print('it ran')\n" + OWN)
    install(tmp_path, "evil", evil="evil_part:Own")
    told = refused(approved, "encoder", "evil", None, Code(), tmp_path)
    assert "own folder and is not run" in told and "evil_part" not in sys.modules
