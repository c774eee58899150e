"""The README does what it says: its commands parse, its code runs, its links lead somewhere."""

from __future__ import annotations

import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from seqgen.cli import app

ROOT = Path(__file__).parent.parent
SET_UP = ["pip install -e . && python recipes/translate.py", "pip install -e '.[test]' && pytest"]
SHELLS = ("console", "sh", "bash", "shell")


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


def blocks(text: str, *languages: str) -> list[str]:
    """The fenced code blocks in these languages, without their fences."""
    fenced = re.findall(r"^```(\w*)[^\n]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return [code for language, code in fenced if language in languages]


def shell_lines(text: str) -> list[str]:
    """What a reader would type: whole lines, or where a block has prompts, what follows them."""
    lines = []
    for block in blocks(text, *SHELLS):
        joined = block.replace("\\\n", " ").splitlines()
        typed = [line[2:] for line in joined if line.startswith("$ ")] or joined
        lines += [line for line in typed if line.strip() and not line.startswith("#")]
    return lines


def commands(text: str) -> list[list[str]]:
    """Every single command of the shell lines as its words, without variables set before it."""
    found: list[list[str]] = []
    for line in shell_lines(text):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split, lexer.commenters = True, "#"
        command: list[str] = []
        words = iter([*lexer, ";"])
        for word in words:
            if not set(word) <= set("();<>|&"):
                command.append(word)
            elif "<" in word or ">" in word:
                next(words)  # the file it goes to or comes from
            else:
                found.append(command)
                command = []
    plain = [[w for i, w in enumerate(c) if i or not re.match(r"\w+=", w)] for c in found]
    return [command for command in plain if command]


def parse(words: list[str]) -> None:
    """Let the command line read its words without doing what they say.

    Raises:
        Exception: an unknown command or option, or an argument too many or too few.
    """
    command, name, parent = typer.main.get_command(app), "seqgen", None
    while True:
        parent = command.make_context(name, list(words), parent=parent)
        if not isinstance(command, typer.core.TyperGroup):
            return
        name, command, words = command.resolve_command(parent, words)


def test_set_up_is_two_commands(readme):
    """One to see it work, one to test it; each does all of its own set-up."""
    assert [line for line in shell_lines(readme) if "install" in line] == SET_UP


def test_commands_parse(readme):
    ours = [words[1:] for words in commands(readme) if words[0] == "seqgen"]
    assert ours
    for words in ours:
        parse(words)


def test_recipes_know_their_options(readme):
    recipes = [words for words in commands(readme) if words[0] == "python"]
    assert recipes
    for _, path, *words in recipes:
        printed = subprocess.run(
            [sys.executable, path, "--help"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout
        options = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert options <= set(re.findall(r"--?[\w-]+", printed)), path


def test_code_runs(readme, tiny_bundle, tmp_path, monkeypatch):
    """All Python of the page, top to bottom, with a small model where it loads one."""
    monkeypatch.chdir(tmp_path)
    code = blocks(readme, "python")
    assert code
    for name in set(re.findall(r"""load\(["']([^"']+)["']""", "".join(code))):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(tiny_bundle, target_is_directory=True)
    namespace: dict[str, object] = {"__name__": "readme"}
    for number, block in enumerate(code, start=1):
        exec(compile(block, f"README.md, Python block {number}", "exec"), namespace)


def links(text: str) -> list[str]:
    """Where links and images lead inside the project."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)", prose) + re.findall(r'(?:src|href)="([^"]+)"', prose)
    return [link.partition("#")[0] for link in found if not re.match(r"\w+:|#", link)]


def test_links_lead_somewhere(readme):
    assert [link for link in links(readme) if not (ROOT / link).exists()] == []


def test_names_exist(readme):
    for name in set(re.findall(r"\bseqgen(?:\.\w+)+(?::\w+)?", readme)):
        pkgutil.resolve_name(name)


PAGE = """
See [this](tests/nothing.md#part), [that](https://example.org) and <img src="no.png">.

```console
$ pip install -e . && python recipes/translate.py
prints seqgen nonsense
$ A=1 seqgen translate --model m "a b" \\
    --beam-size 3 > out.txt  # a comment
```

```sh
cat x | seqgen translate --model m | sort
```
"""


def test_the_page_is_read_as_a_person_would():
    assert commands(PAGE) == [
        ["pip", "install", "-e", "."],
        ["python", "recipes/translate.py"],
        ["seqgen", "translate", "--model", "m", "a b", "--beam-size", "3"],
        ["cat", "x"],
        ["seqgen", "translate", "--model", "m"],
        ["sort"],
    ]
    assert links(PAGE) == ["tests/nothing.md", "no.png"]


@pytest.mark.parametrize(
    "words",
    ["translate --modle m", "train nothing", "nothing", "translate", "info a b", "translate --n-b"],
)
def test_a_wrong_command_does_not_parse(words):
    with pytest.raises(Exception, match=r"(?i)no such|missing|unexpected"):
        parse(words.split())
