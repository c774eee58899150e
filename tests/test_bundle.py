import json
import shutil

import pytest

import seqgen
from seqgen.errors import UserError
from seqgen.inspection import describe, replay


@pytest.fixture
def folder(tiny_bundle, tmp_path):
    return shutil.copytree(tiny_bundle / "best", tmp_path / "model")


def test_loads_from_its_own_folder_and_from_the_training(tiny_bundle):
    texts = ["a dog", "", "big red cat"]
    assert seqgen.load(tiny_bundle).translate(texts) == seqgen.load(
        str(tiny_bundle / "best")
    ).translate(texts)


def test_holds_no_pickle_and_only_the_promised_files(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "joint.spm",
        "scores.json",
        "selftest.json",
        "weights.safetensors",
    ]


def test_describes_itself_and_replays_its_self_test(folder):
    assert "parameters" in describe(folder) and "BLEU" in describe(folder)
    assert "5 of 5" in replay(folder)
    tests = json.loads((folder / "selftest.json").read_text())
    tests[2]["output"] = "something else"
    (folder / "selftest.json").write_text(json.dumps(tests))
    rewrite(folder, "checksums", {})
    with pytest.raises(UserError, match="entry 3"):
        replay(folder)


def rewrite(folder, key, value):
    config = json.loads((folder / "config.json").read_text())
    config[key] = value
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("name", ["weights.safetensors", "joint.spm", "config.json"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_named(folder, name, share):
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UserError, match=name):
        seqgen.load(folder)


def test_a_flipped_bit_is_noticed(folder):
    path = folder / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match="checksum"):
        seqgen.load(folder)


@pytest.mark.parametrize("name", ["weights.safetensors", "joint.spm", "config.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(UserError, match=name):
        seqgen.load(folder)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", 2, "format 2"),
        ("task", "paint", "task"),
        ("surprise", 1, "surprise"),
        ("checksums", {"../../etc/passwd": "0"}, "outside"),
        ("joint", "yes", "joint"),
    ],
)
def test_an_edited_config_is_refused(folder, key, value, message):
    rewrite(folder, key, value)
    with pytest.raises(UserError, match=message):
        seqgen.load(folder)


def test_a_config_of_another_model_names_the_tensor(folder):
    config = json.loads((folder / "config.json").read_text())
    config["model"]["decoder"]["hidden_dim"] += 1
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="tensor 'decoder"):
        seqgen.load(folder)


def test_a_foreign_folder_is_no_model(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(UserError, match="is no model"):
        seqgen.load(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        seqgen.load(tmp_path / "nothing")
    with pytest.raises(UserError, match="not a folder"):
        seqgen.load(tmp_path / "pytorch_model.bin")
