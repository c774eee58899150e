import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from pairs import settings
from test_plugins import install
from typer.testing import CliRunner

import seqgen
from seqgen.cli import app
from seqgen.errors import UserError
from seqgen.inspection import describe, replay
from seqgen.plugins import resolve
from seqgen.sources import Code, Source, approved, trace
from seqgen.training.report import Report
from seqgen.training.run import TRANSLATE, resume, train_translator
from seqgen.training.settings import read_settings

OWN = """
from torch import nn

import seqgen


class Mean(nn.Module):
    def __init__(self, vocab_size: int, width: int = 32, note: str = ""):
        super().__init__()
        self.output_dim, self.note = width, note
        self.embed = nn.Embedding(vocab_size, width)

    def forward(self, batch):
        states = self.embed(batch.tokens)
        summary = (states * batch.mask[..., None]).sum(1) / batch.mask.sum(1, keepdim=True)
        return seqgen.Memory(states, batch.mask, summary)
"""
LINES = ["a big dog", "red cat"]


def brief(folder):
    changes = settings(folder / "pairs", max_epochs=1)
    del changes["model.encoder_options"]
    changes["model.tied_embeddings"] = False
    return changes


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with mine.py and the training of a translator with the encoder in it."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(OWN)
    changes = brief(folder)
    changes["model.encoder_options"] = {"width": 16, "note": "mine"}
    out = folder / "out"
    encoder = f"{folder}/mine.py:Mean"
    train_translator(read_settings(None, changes), out, Report(quiet=True), encoder=encoder)
    return folder


def change(place, old, new):
    """Change what a training was begun with, as if it had been so from the beginning."""
    for name in ("settings", "beginning"):
        path = place / f"out/{name}.json"
        path.write_text(path.read_text().replace(old, new))


@pytest.fixture
def place(trained, tmp_path, monkeypatch):
    """A copy of it in a folder that is the current one; the recorded file is the copy's."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    for config in (tmp_path / "out").glob("*/config.json"):
        config.write_text(config.read_text().replace(str(trained), str(tmp_path)))
    change(tmp_path, str(trained), str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(call, *arguments, **options):
    with pytest.raises(UserError) as caught:
        call(*arguments, **options)
    told = str(caught.value)
    assert "\n" not in told
    return told


def test_a_bundle_records_spec_arguments_checksum_and_versions(place):
    config = json.loads((place / "out/best/config.json").read_text())
    assert config["model"]["encoder"] == f"{place}/mine.py:Mean"
    assert config["model"]["encoder_options"] == {"width": 16, "note": "mine"}
    sha256 = hashlib.sha256((place / "mine.py").read_bytes()).hexdigest()
    assert config["sources"]["encoder"]["sha256"] == sha256
    assert {"python", "torch", "seqgen"} == set(config["versions"])
    assert sha256 in describe(place / "out") and "5 of 5" in replay(place / "out")


def test_it_loads_from_any_folder_in_another_process(place, tmp_path_factory):
    expected = seqgen.load("out").translate(LINES)
    command = [sys.executable, "-m", "seqgen", "translate", "--model", place / "out", *LINES]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == expected


def test_a_file_that_moved_is_named_anew(place):
    expected = seqgen.load("out").translate(LINES)
    (place / "new").mkdir()
    (place / "mine.py").rename("new/theirs.py")
    told = refused(seqgen.load, "out")
    assert "mine.py:Mean" in told and "does not exist" in told and "--encoder" in told
    assert seqgen.load("out", encoder="new/theirs.py:Mean").translate(LINES) == expected
    own = resolve("new/theirs.py:Mean")
    assert seqgen.load("out", encoder=own).translate(LINES) == expected
    runner = CliRunner()
    options = ["--model", "out", "--encoder", "./new/theirs.py:Mean"]
    assert runner.invoke(app, ["translate", *options, *LINES]).stdout.splitlines() == expected
    assert runner.invoke(app, ["info", "out", "--verify", *options[2:]]).exit_code == 0
    told = refused(seqgen.load, "out", encoder="./new/theirs.py:Maen")
    assert "did you mean 'Mean'" in told


def test_a_changed_source_is_refused_unless_it_is_accepted(place):
    before = hashlib.sha256((place / "mine.py").read_bytes()).hexdigest()
    (place / "mine.py").write_text(OWN + "\nprint('it ran')\n")
    after = hashlib.sha256((place / "mine.py").read_bytes()).hexdigest()
    for options in ({}, {"encoder": "./mine.py:Mean"}):
        told = refused(seqgen.load, "out", **options)
        assert before[:16] in told and after[:16] in told and "--accept-source" in told
    assert seqgen.load("out", accept_source=True).translate(LINES)
    assert seqgen.load("out", encoder="./mine.py:Mean", accept_source=True).translate(LINES)
    done = CliRunner().invoke(app, ["translate", "--model", "out", "--accept-source", *LINES])
    assert done.exit_code == 0


def test_a_refused_source_is_not_run(place, capsys):
    (place / "mine.py").write_text("print('it ran')\n" + OWN)
    refused(seqgen.load, "out")
    assert "it ran" not in capsys.readouterr().out


def edit(place, spec):
    path = place / "out/best/config.json"
    config = json.loads(path.read_text())
    config["model"]["encoder"] = config["sources"]["encoder"]["spec"] = spec
    path.write_text(json.dumps(config))


def test_what_a_bundle_brings_along_is_never_run(place, capsys):
    shutil.copy("mine.py", "out/best/mine.py")
    with (place / "out/best/mine.py").open("a") as file:
        file.write("print('it ran')\n")
    (place / "link").symlink_to("out/best")
    for spec in (f"{place}/out/best/mine.py:Mean", f"{place}/link/mine.py:Mean"):
        edit(place, spec)
        for accepted in (False, True):
            told = refused(seqgen.load, "out", accept_source=accepted)
            assert "own folder and is not run" in told
    edit(place, "./mine.py:Mean")
    assert "no whole path" in refused(seqgen.load, "out", accept_source=True)
    assert "it ran" not in capsys.readouterr().out


def test_a_missing_package_is_named_with_its_version(tmp_path):
    recorded = Source("their.models:Mean", "00", "their-models", "2.1")
    told = refused(approved, "encoder", recorded.spec, recorded, Code(), tmp_path)
    assert "no module 'their'" in told and "install their-models 2.1" in told


def test_what_is_of_seqgen_has_no_source_to_replace(tiny_bundle):
    assert trace("", type(seqgen.load(tiny_bundle).bundles[0].model.encoder)) is None
    told = refused(seqgen.load, tiny_bundle, encoder="./mine.py:Mean")
    assert "part of seqgen" in told and "no other encoder" in told


def test_an_installed_package_is_recorded_with_its_version():
    found = trace("pytest:Item", pytest.Item)
    assert (found.package, found.version) == ("pytest", pytest.__version__)
    assert len(found.sha256) == 64


def test_resuming_asks_for_the_same_source(place):
    change(place, '"max_epochs": 1', '"max_epochs": 2')
    (place / "mine.py").rename("theirs.py")
    quiet = Report(quiet=True)
    assert "does not exist" in refused(resume, TRANSLATE, place / "out", quiet)
    (place / "theirs.py").write_text(OWN + "\n")
    moved = Code("./theirs.py:Mean")
    assert "has changed" in refused(resume, TRANSLATE, place / "out", quiet, moved)
    (place / "theirs.py").write_text(OWN)
    resume(TRANSLATE, place / "out", quiet, moved)
    config = json.loads((place / "out/last/config.json").read_text())
    assert config["sources"]["encoder"]["spec"] == f"{place}/theirs.py:Mean"


def test_a_class_of_this_process_in_python(tmp_path):
    namespace = {"__name__": "a prompt"}
    exec(OWN, namespace)
    quiet, out = Report(quiet=True), tmp_path / "out"
    found = read_settings(None, brief(tmp_path))
    model = train_translator(found, out, quiet, namespace["Mean"], {"width": 8})
    assert isinstance(model.bundles[0].model.encoder, namespace["Mean"])
    assert model.bundles[0].model.encoder.output_dim == 8
    program = "import sys, seqgen\nseqgen.load(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", program, out], capture_output=True, text=True, check=False
    )
    assert "a prompt:Mean" in done.stderr and "encoder=" in done.stderr
    assert seqgen.load(out, encoder=namespace["Mean"]).translate(LINES) == model.translate(LINES)


def test_an_encoder_and_its_options_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(OWN)
    changes = brief(tmp_path)
    command = ["train", "translate", "--out", "out", "--encoder", "./mine.py:Mean"]
    for name, value in changes.items():
        if name.startswith("data."):
            command += ["--set", f"{name}={json.dumps(value)}"]
    command += ["--set", "model.tied_embeddings=false", "--max-epochs", "1"]
    options = ["--encoder-option", "width=8", "--encoder-option", "note=a word"]
    runner = CliRunner()
    told = runner.invoke(app, [*command, "--encoder-option", "depth=8"]).exception
    assert "its options are width, note" in str(told)
    shutil.rmtree("out")
    assert "--resume" in str(runner.invoke(app, [*command, "--accept-source"]).exception)
    done = runner.invoke(app, [*command, *options])
    assert done.exit_code == 0, done.exception
    model = json.loads((tmp_path / "out/settings.json").read_text())["model"]
    assert model["encoder"] == f"{tmp_path}/mine.py:Mean"
    assert model["encoder_options"] == {"width": 8, "note": "a word"}
    resumed = ["train", "translate", "--out", "out", "--resume", "--encoder", "./mine.py:Mean"]
    assert runner.invoke(app, resumed).exit_code == 0
    Path("same.toml").write_text("[model]\ntied_embeddings = false\n")
    same = [*command, *options, "--config", "same.toml", "--resume"]
    assert runner.invoke(app, same).exit_code == 0
    chosen = ["--out", "out", "--resume", "--set", "model.encoder=./mine.py:Mean"]
    assert runner.invoke(app, ["train", "translate", *chosen]).exit_code == 0
    other = [*chosen[:-1], "model.encoder=./mine.py:Other"]
    told = str(runner.invoke(app, ["train", "translate", *other]).exception)
    assert "holds a training of other settings: model.encoder" in told


@limits(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text("ab./\\:~\0\ud800é", max_size=40), st.booleans())
@example("/" + "a" * 5000 + ".py:Own", True)
@example("~\0/:", False)
@example("~nobody-of-that-name/a.py:Own", True)
@example("a" * 5000 + ":Own", True)
def test_whatever_a_bundle_names_is_refused_in_one_line(tmp_path, spec, recorded):
    source = Source(spec, "00") if recorded else None
    try:
        approved("encoder", spec, source, Code(), tmp_path)
        resolve(spec)
    except UserError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("sources", [[], {"encoder": 3}, {"encoder": {"spec": 3}}, "x", None])
def test_damaged_records_are_refused(place, sources):
    path = place / "out/last/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sources": sources}))
    assert "config.json" in refused(resume, TRANSLATE, place / "out", Report(quiet=True))


def test_a_name_that_another_package_offers_now_is_noticed(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("one", "two"):
        (tmp_path / f"{name}_module.py").write_text(f"# {name}\n" + OWN)
    install(tmp_path, "one", mean="one_module:Mean")
    recorded = trace("mean", resolve("mean"))
    assert approved("encoder", "mean", recorded, Code(), tmp_path / "model") == "mean"
    shutil.rmtree(tmp_path / "one-1.0.dist-info")
    told = refused(approved, "encoder", "mean", recorded, Code(), tmp_path / "model")
    assert "no installed package offers it" in told
    install(tmp_path, "two", mean="two_module:Mean")
    told = refused(approved, "encoder", "mean", recorded, Code(), tmp_path / "model")
    assert "has changed" in told
    for name in ("one", "two"):
        sys.modules.pop(f"{name}_module")
