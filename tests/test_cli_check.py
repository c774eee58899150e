import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seqgen.cli import app
from seqgen.errors import UserError

HERE = Path(__file__).parent
GOOD, BROKEN = (f"{HERE / name}_encoders.py" for name in ("good", "broken"))


def ask(*arguments):
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["check", *map(str, arguments)])


def test_a_good_encoder_from_its_file_in_a_process_of_its_own(tmp_path):
    command = [sys.executable, "-m", "seqgen", "check", f"{GOOD}:MeanEncoder"]
    command += ["--encoder-option", "width=32"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "MeanEncoder: 0 rules broken" in done.stdout.replace("\n", "")
    assert done.stdout.count("passed") == 15 and "learns: passed\n" in done.stderr
    assert not any(tmp_path.iterdir())


def test_a_broken_one_is_exit_1_and_a_table(monkeypatch):
    monkeypatch.syspath_prepend(HERE)
    done = ask(f"{BROKEN}:MeansPadding")
    assert done.exit_code == 1, done.output
    told = " ".join(done.output.split())
    assert "MeansPadding: 1 rules broken" in told
    assert "failed" in told and "tokens [[" in told and "smallest example" in told


def test_the_kind_may_be_named_or_read():
    assert ask(f"{GOOD}:PixelEncoder").exit_code == 0
    done = ask(f"{GOOD}:PixelEncoder", "--kind", "text")
    assert done.exit_code == 1 and "AttributeError" in done.output.replace("\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.at.all:Class"], "there is no module"),
        ([f"{GOOD}:MeanEncoder", "--kind", "smell"], "there is no kind 'smell'"),
        ([f"{GOOD}:MeanEncoder", "--encoder-option", "width"], "is no option"),
        ([f"{GOOD}:Missing"], "no class or function 'Missing'"),
    ],
)
def test_what_cannot_be_checked_is_one_line(arguments, message):
    error = ask(*arguments).exception
    assert isinstance(error, UserError) and message in str(error)
