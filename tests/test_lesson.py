"""The pages beside the README do what they say: code runs, links lead somewhere."""

import re
from pathlib import Path

import pytest
from test_readme import blocks, links

ROOT = Path(__file__).parent.parent


def test_the_lesson_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "lesson"}
    code = blocks((ROOT / "docs/lesson.md").read_text("utf-8"), "python")
    assert len(code) > 7
    for number, block in enumerate(code, start=1):
        exec(compile(block, f"docs/lesson.md, Python block {number}", "exec"), namespace)
    told = capsys.readouterr().out
    assert "nats a character" in told and told.count("\n") > 9


@pytest.mark.parametrize("page", ["docs/lesson.md", "docs/speed.md", "recipes/README.md"])
def test_links_lead_somewhere(page):
    path = ROOT / page
    found = links(path.read_text("utf-8"))
    assert found and [link for link in found if not (path.parent / link).exists()] == []


def test_every_recipe_is_in_the_table():
    named = set(re.findall(r"\]\((\w+\.py)\)", (ROOT / "recipes/README.md").read_text("utf-8")))
    assert named == {path.name for path in (ROOT / "recipes").glob("*.py")}
