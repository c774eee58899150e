"""docs/plug_in.md does what it says, from top to bottom."""

import json
import re
import shlex
import sys
from pathlib import Path

from test_readme import links
from typer.testing import CliRunner

from seqgen.cli import app

PAGE = Path(__file__).parent.parent / "docs/plug_in.md"


def test_every_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    text, namespace = PAGE.read_text("utf-8"), {"__name__": "plug_in"}
    fenced = re.findall(r"^```(\w+)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    commands = 0
    for language, code in fenced:
        if code.startswith("# mine.py"):
            with open("mine.py", "a", encoding="utf-8") as file:
                file.write(code)
        elif language == "python":
            exec(compile(code, "docs/plug_in.md", "exec"), namespace)
        for line in code.splitlines() if language == "console" else ():
            words = shlex.split(line.removeprefix("$ seqgen "))
            done = CliRunner().invoke(app, words)
            assert done.exit_code == 0, (line, done.output, done.exception)
            commands += 1
    sys.modules.pop("mine", None)
    assert commands > 8
    recorded = {
        path.name: sorted(json.loads((path / "best/config.json").read_text())["sources"])
        for path in Path("runs").iterdir()
    }
    assert recorded == {
        "mean": ["encoder"], "python": ["encoder"], "patches": ["encoder"],
        "cosine": ["attention"], "exact": [], "without": ["processor 1"],
        "shortest": ["strategy"],
    }  # fmt: skip
    scores = json.loads(Path("runs/exact/best/scores.json").read_text())
    assert [score["name"] for score in scores] == ["BLEU", "exact"]


def test_links_lead_somewhere():
    found = links(PAGE.read_text("utf-8"))
    assert found and [link for link in found if not (PAGE.parent / link).exists()] == []
