import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.errors import UserError
from seqgen.plugged import source_sha256
from seqgen.plugins import (
    absolute,
    is_file,
    name_of,
    parse_options,
    preset,
    resolve,
)

OWN = "class Own:\n    class Inner:\n        pass\n\n\ndef measure():\n    pass\n\n\nlimit = 3\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder that Python imports from, and that is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def refused(spec, kind="encoder"):
    with pytest.raises(UserError) as caught:
        resolve(spec, kind)
    return str(caught.value)


def install(folder, package, **entries):
    """What pip leaves of a package that offers entry points."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
    (info / "entry_points.txt").write_text(f"[seqgen.encoders]\n{lines}")


def test_a_module_a_file_a_backbone_and_an_entry_point(folder):
    (folder / "own_module.py").write_text(OWN)
    installed = resolve("own_module:Own")
    assert installed is sys.modules["own_module"].Own
    assert resolve("own_module:Own.Inner") is installed.Inner
    path = list(sys.path)
    loaded = resolve("./own_module.py:Own")
    assert sys.path == path and loaded is not installed
    assert loaded is resolve(f"{folder}/own_module.py:Own") is resolve("own_module.py:Own")
    assert resolve("./own_module.py:measure", "metric").__name__ == "measure"
    assert resolve("torchvision:resnet50").__name__ == "CNNEncoder"
    assert preset("torchvision:resnet50") == {"backbone": "resnet50"}
    assert preset("own_module:Own") == preset("own") == {}
    install(folder, "one", own="own_module:Own", inner="own_module:Own.Inner")
    assert resolve("own") is installed and resolve("inner") is installed.Inner


def test_files_of_one_name_are_different_modules(folder):
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "mine.py").write_text(f"class Own:\n    name = '{name}'\n")
    assert [resolve(f"./{name}/mine.py:Own").name for name in "ab"] == ["a", "b"]
    assert "mine" not in sys.modules


def test_a_file_that_has_changed_is_run_again(folder):
    (folder / "mine.py").write_text("class Own:\n    size = 1\n")
    first = resolve("./mine.py:Own")
    assert resolve("./mine.py:Own") is first
    (folder / "mine.py").write_text("class Own:\n    size = 2\n")
    second = resolve("./mine.py:Own")
    assert (first.size, second.size) == (1, 2)
    sums = {source_sha256(sys.modules[one.__module__]) for one in (second, UserError)}
    assert "" in sums and len(sums) == 2
    assert not list(folder.rglob("*.pyc"))


def test_what_a_file_defines_is_found_by_another_process(folder, tmp_path_factory):
    (folder / "mine.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n\n"
        "@dataclass\nclass Own:\n    size: int = 7\n"
    )
    (folder / "pickled").write_bytes(pickle.dumps(resolve("./mine.py:Own")(size=8)))
    program = (
        "import pickle, sys\n"
        "print(pickle.load(open(sys.argv[1], 'rb')).size, 'mine' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder / "pickled")],
        cwd=tmp_path_factory.mktemp("elsewhere"), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "8 False\n"


def test_two_packages_that_offer_one_name_are_both_named(folder):
    (folder / "own_module.py").write_text(OWN)
    install(folder, "one", own="own_module:Own")
    install(folder, "two", own="own_module:Own.Inner", other="own_module:Own")
    told = refused("own")
    assert "one (own_module:Own)" in told and "two (own_module:Own.Inner)" in told
    assert resolve("other") is resolve("own_module:Own")
    assert "installed are other, own" in refused("owm")
    assert "seqgen.metrics" in refused("own", "metric")


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("surely.not.there:Own", ["no module 'surely'", "install it", "PYTHONPATH"]),
        ("package.sub:Own", ["no module 'package.sub'"]),
        ("package.broken:Own", ["package/broken.py, line 2", "install 'surely_missing'"]),
        ("package.circle:Own", ["package/circle.py, line 1", "surely_not"]),
        ("./own_module.py:Onw", ["no class or function 'Onw'", "did you mean 'Own'?"]),
        ("./own_module.py:Own.Outer", ["'Outer'", "own_module.py"]),
        ("own_module:limit", ["no class or function 'limit'"]),
        ("./nothing.py:Own", ["nothing.py", "does not exist in "]),
        ("./package/:Own", ["is a folder"]),
        ("./needs.py:Own", ["needs.py, line 3", "cannot be imported", "ModuleNotFoundError"]),
        ("./beside.py:Own", ["beside.py, line 1", "own_other.py lies beside it"]),
        ("./wrong.py:Own", ["wrong.py, line 2", "cannot be imported"]),
        ("./ends.py:Own", ["ends.py, line 2", "__main__"]),
        ("./deep.py:Own", ["deep.py, line 2", "JSONDecodeError"]),
        ("own_module.py", ["which class", "./own_module.py:Class"]),
        ("own-module:Own", ["no name of a module"]),
        (":Own", ["package.module:Class"]),
        ("own_module:", ["package.module:Class"]),
        ("", ["package.module:Class"]),
    ],
)
def test_what_is_wrong_is_said_in_one_line(folder, spec, parts):
    (folder / "package").mkdir()
    files = {
        "package/__init__.py": "",
        "package/broken.py": "x = 1\nimport surely_missing\n",
        "package/circle.py": "from package.circle import surely_not\n",
        "own_module.py": OWN,
        "needs.py": "import json\n\nimport surely_missing\n",
        "beside.py": "import own_other\n",
        "wrong.py": "x = 1\nclass Own(:\n",
        "ends.py": "import sys\nsys.exit('usage')\n",
        "deep.py": "import json\nx = json.loads('{')\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    if spec == "./beside.py:Own":
        sys.path.remove(str(folder))
        (folder / "own_other.py").write_text("")
    told = refused(spec)
    assert "\n" not in told
    for part in parts:
        assert part in told
    if spec:
        assert f"encoder '{spec}'" in told


def test_a_module_in_this_folder_that_is_not_on_the_path(folder):
    (folder / "mine.py").write_text(OWN)
    sys.path.remove(str(folder))
    assert "write ./mine.py:Own" in refused("mine:Own")


def test_a_class_has_a_name(folder):
    class Local:
        pass

    assert resolve(name_of(Local)) is Local
    (folder / "mine.py").write_text(OWN)
    loaded = resolve("./mine.py:Own.Inner")
    assert name_of(loaded) == f"{folder}/mine.py:Own.Inner"
    assert resolve(name_of(loaded)) is loaded
    assert name_of(UserError) == "seqgen.errors:UserError"
    assert name_of("./mine.py:Own") == absolute("./mine.py:Own") == f"{folder}/mine.py:Own"
    assert name_of("own") == "own" and name_of("a.b:C") == "a.b:C"
    with pytest.raises(UserError, match="neither a class nor a spec"):
        name_of(3)


def test_another_class_of_the_same_name_takes_its_place():
    def make():
        class Local:
            pass

        return Local

    one, two = make(), make()
    assert name_of(one) == name_of(two)
    assert resolve(name_of(one)) is one and resolve(name_of(two)) is two


def test_options_are_json_or_words():
    texts = ["width=64", "rate=0.5", "deep=true", "name=relu", "sizes=[3, 5]", "none=null", "x=a=b"]
    assert parse_options(texts, "--encoder-option") == {
        "width": 64, "rate": 0.5, "deep": True, "name": "relu", "sizes": [3, 5], "none": None,
        "x": "a=b",
    }  # fmt: skip
    assert parse_options(["size=NaN", 'word="64"', "empty="], "") == {
        "size": "NaN", "word": "64", "empty": "",
    }  # fmt: skip
    for texts, message in ((["width"], "key=value"), (["=3"], "key=value"), (["a=1", "a=2"], "tw")):
        with pytest.raises(UserError, match=message):
            parse_options(texts, "--encoder-option")


@given(st.text(max_size=30))
def test_no_text_does_more_than_be_refused(text):
    is_file(text)
    try:
        resolve(f"seqgen.errors:{text}")
    except UserError as error:
        assert "\n" not in str(error)
