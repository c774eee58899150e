"""The shape of the package, read from its source: layers, sizes, and what has no place in it."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from source import Import, Module, functions, is_stub, undocumented

ROOT = Path(__file__).parent.parent

# From the bottom up. A module imports what stands before it, in its own layer or a lower one;
# the modules of a folder that stands here whole may import each other. What is marked ● does
# without torch, whatever it calls.
LAYERS = (
    "●version ●errors ●files ●exchange ●processes ●config ●folders ●plugged ●plugins ●sources "
    "●parts",
    "●subwords ●text ●running_text ●images tensors",
    "●data/ data/features ●search/ ●scenes/ model/",
    "●corpora ●label_corpora ●scoring/metrics ●scoring/resample ●scoring/tags ●scoring/labels "
    "●scoring/ptb ●scoring/cider ●scoring/captions scoring/likelihood "
    "●scoring/diversity ●scoring/steppers ●scoring/measure ●chart scoring/running "
    "●loaded ●runtime ●label_runtime provenance bundle labelled training/optim training/precision "
    "training/loss training/loader training/distributed training/beginning "
    "training/trouble training/report training/checkpoint training/targets "
    "training/critical training/card training/task",
    "●translator ●captioner ●writer ●teller ●classifier ●tagger ●describer ●overlay generate "
    "●lines inspection training/trainer training/judge training/describing_settings "
    "training/settings training/translation training/captioning "
    "training/captions_data training/classifying training/classifying_data training/telling "
    "training/tagging training/writing training/writing_data training/plans training/run "
    "bench/ conformance/ training/describing testing export/",
    "commands/ cli __main__ __init__",
)
LAZY = (
    "__init__",
    "__main__",
    "cli",
    "generate",
    "inspection",
    "commands/bench",
    "commands/expanded",
    "commands/export",
    "commands/check",
    "commands/classify",
    "commands/generate",
    "commands/loading",
    "commands/shortlist",
    "commands/tag",
    "commands/train",
    "commands/translate",
    "commands/wishes",
    "commands/write",
    "commands/score",
)  # these come to torch too, but not when imported
TORCH = ("torch.", "torchvision.", "safetensors.torch.")
MOST_LINES, MOST_FUNCTION_LINES = 299, 59

PLACES = {
    entry.lstrip("●"): (layer, position)
    for layer, line in enumerate(LAYERS)
    for position, entry in enumerate(line.split())
}
FREE = {word.lstrip("●") for line in LAYERS for word in line.split() if word.startswith("●")}


def entry(name: str) -> str | None:
    """What stands for a module in LAYERS: itself, or its whole folder."""
    return next((e for e in (name, name.split("/")[0] + "/") if e in PLACES), None)


def inside(module: Module, modules: dict[str, Module]) -> Iterator[tuple[Import, str]]:
    """The imports of ``module`` from the package, each with the module it leads to."""
    for found in module.imports:
        parts = found.target.split(".")
        if parts[0] == "seqgen":
            for end in (len(parts), len(parts) - 1):  # the second where the last is a name
                path = "/".join(parts[1:end])
                name = next((n for n in (path, f"{path}/__init__".strip("/")) if n in modules), "")
                if name:
                    yield found, name
                    break


def layer_problems(modules: dict[str, Module]) -> list[str]:
    """Modules without a layer, and imports that go up."""
    found = []
    for module in modules.values():
        own = entry(module.name)
        if module.nested_init:
            continue
        if own is None:
            found.append(f"seqgen/{module.name}.py has no layer; add it to LAYERS in {__file__}")
            continue
        for item in module.imports:
            if item.target.startswith("."):
                where = f"seqgen/{module.name}.py, line {item.line}"
                found.append(f"{where}: write the whole name, not a relative one")
        for item, name in inside(module, modules):
            other = entry(name)
            if other and other != own and PLACES[other] >= PLACES[own]:
                where = f"seqgen/{module.name}.py, line {item.line}"
                found.append(f"{where}: imports {name}, which stands above it")
    return found


def cycle(modules: dict[str, Module]) -> list[str]:
    """The modules of one circle of imports, if there is one; imports in functions count."""
    graph = {
        name: {to for found, to in inside(module, modules) if not found.typing}
        for name, module in modules.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def way_to_torch(start: str, modules: dict[str, Module]) -> str:
    """A chain of imports, also those in functions, by which ``start`` comes to torch, or ""."""
    chains, seen = [(start,)], {start}
    for chain in chains:  # grows as it is read
        module = modules[chain[-1]]
        for item in module.imports:
            if not item.typing and f"{item.target}.".startswith(TORCH):
                return " > ".join((*chain, item.target))
        for item, name in inside(module, modules):
            if not item.typing and name not in seen:
                seen.add(name)
                chains.append((*chain, name))
    return ""


def problems(module: Module) -> list[str]:
    """What in one file is too long, unfinished, undocumented or out of place."""
    found = [f"{name} has no docstring" for name in undocumented(module.tree)]
    lines = module.source.count("\n")
    if lines > MOST_LINES:
        found.append(f"has {lines} lines; {MOST_LINES} are the most")
    if module.name.endswith("utils"):
        found.append("is a drawer for anything; name what it does")
    if module.nested_init and len(module.tree.body) != 1:
        found.append("holds more than a docstring")
    for mark in re.findall(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b", module.source):
        found.append(f"says {mark}")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "hasattr":
            found.append(f"line {node.lineno} asks hasattr")
    for name, function, protocol in functions(module.tree):
        length = (function.end_lineno or 0) - function.lineno + 1
        if length > MOST_FUNCTION_LINES:
            found.append(f"{name} has {length} lines; {MOST_FUNCTION_LINES} are the most")
        if is_stub(function) and not protocol:
            found.append(f"{name} does nothing")
    return [f"seqgen/{module.name}.py: {problem}" for problem in found]


@pytest.fixture(scope="module")
def modules() -> dict[str, Module]:
    files = sorted((ROOT / "seqgen").rglob("*.py"))
    names = [file.relative_to(ROOT / "seqgen").with_suffix("").as_posix() for file in files]
    return {
        name: Module(name, file.read_text("utf-8")) for name, file in zip(names, files, strict=True)
    }


def test_layers(modules):
    assert "\n".join(layer_problems(modules)) == ""


def test_no_cycle(modules):
    assert cycle(modules) == []


def test_no_torch_where_none_is_needed(modules):
    free = [name for name in modules if entry(name) in FREE]
    assert len(free) > 10
    assert [way for name in free if (way := way_to_torch(name, modules))] == []
    paths = [f"seqgen/{name}".removesuffix("/__init__") for name in (*free, *LAZY)]
    names = [path.replace("/", ".") for path in paths]
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    if 'torch' in sys.modules: sys.exit(f'{name} imports torch')\n"
    )
    subprocess.run([sys.executable, "-c", program, *names], check=True, cwd=ROOT)


def test_no_torchvision_where_there_are_no_images():
    """It takes longer to import than torch, and a translator is to answer soon."""
    program = (
        "import sys, seqgen.generate, seqgen.training.run\n"
        "sys.exit('torchvision is imported' if 'torchvision' in sys.modules else 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_every_file(modules):
    assert "\n".join(p for module in modules.values() for p in problems(module)) == ""


@pytest.mark.parametrize(("folder", "most"), [("recipes", 100), ("tests", MOST_LINES)])
def test_the_other_files_are_short(folder, most):
    lengths = {f.name: f.read_text("utf-8").count("\n") for f in (ROOT / folder).rglob("*.py")}
    assert lengths and {name: n for name, n in lengths.items() if n > most} == {}


def made_up(**sources: str) -> dict[str, Module]:
    names = {name.replace("__in__", "/"): source for name, source in sources.items()}
    return {name: Module(name, source) for name, source in names.items()}


def test_the_checks_of_imports_can_fail():
    """Each rule finds the one thing that breaks it."""
    package = made_up(
        errors="from seqgen.text import pad",
        text="def f():\n    import torch.nn",
        search__in__beam="import seqgen.search.step",
        search__in__step="def f():\n    from seqgen.search import beam",
        model__in__rnn="from torch import nn\nfrom .memory import Memory",
        drawer="x = 1",
        files="if typing.TYPE_CHECKING:\n    import torch\nelse:\n    import json",
    )
    broken = "\n".join(layer_problems(package))
    assert "errors.py, line 1: imports text" in broken
    assert "drawer.py has no layer" in broken
    assert "model/rnn.py, line 2: write the whole name" in broken
    assert broken.count("\n") == 2
    assert {"search/beam", "search/step"} == set(cycle(package))
    assert way_to_torch("errors", package) == "errors > text > torch.nn"
    assert way_to_torch("model/rnn", package) == "model/rnn > torch.nn"
    assert way_to_torch("files", package) == ""


@pytest.mark.parametrize(
    ("name", "source", "problem"),
    [
        ("files", '"""A."""\n' * 300, "300 lines"),
        ("files", '"""A."""\ndef f():\n    """A."""\n' + "    f()\n" * 58, "f has 60 lines"),
        ("files", '"""A."""\nclass A:\n    """A."""\n    def f(self): return 1', "A.f has no"),
        ("files", '"""A."""\nclass A:\n    """A."""\n    def _f(self): pass', "A._f does nothing"),
        ("files", '"""A."""\ndef _f():\n    raise NotImplementedError', "_f does nothing"),
        ("files", "x = hasattr(1, 'y')", "line 1 asks hasattr"),
        ("files", '"""A."""\n# TODO: later', "says TO"),
        ("files", "x = 1", "the module has no docstring"),
        ("data/utils", '"""A."""', "name what it does"),
        ("data/__init__", '"""A."""\nfrom seqgen.data import store', "more than a docstring"),
    ],
)
def test_the_checks_of_a_file_can_fail(name, source, problem):
    assert problem in "\n".join(problems(Module(name, source)))


def test_what_is_allowed():
    source = (
        '"""A."""\nclass S(Protocol):\n    """A."""\n'
        '    def f(self):\n        """A."""\n        ...\n'
        "class _P:\n    def f(self):\n        return 1\n"
        'def g():\n    """A."""\n    def inner():\n        return 1\n    return inner\n'
    )
    assert problems(Module("files", source)) == []
