import re

import pytest
import torch
from safetensors.torch import save_file
from torchvision import models

from seqgen.errors import UserError
from seqgen.model.pretrained import digest, fill, read_state

WANTED = {"a.weight": (2, 3), "a.num_batches_tracked": (), "b.bias": (4,), "c.bias": (1,)}


def tensors(**changes):
    shapes = {**WANTED, **changes}
    return {name: torch.ones(shape) for name, shape in shapes.items() if shape is not None}


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_local_files(tmp_path, suffix):
    state = {"x.weight": torch.randn(2, 3)}
    path = tmp_path / f"weights{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    assert torch.equal(read_state("resnet18", str(path))["x.weight"], state["x.weight"])


def test_a_file_that_is_no_state_dictionary(tmp_path):
    torch.save(models.squeezenet1_1(), tmp_path / "pickle.pth")
    torch.save({"epoch": 3, "model": {}}, tmp_path / "wrapped.pth")
    torch.save(torch.ones(2), tmp_path / "tensor.pth")
    for name in ("junk.pth", "junk.safetensors"):
        (tmp_path / name).write_bytes(b"junk" * 30)
    (tmp_path / "empty.pth").touch()
    torch.save({"x": torch.ones(999)}, tmp_path / "cut.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "cut.pth").read_bytes()[:900])
    (tmp_path / "folder.pth").mkdir()
    for path in (*tmp_path.iterdir(), tmp_path / "missing.pth", tmp_path / "missing.safetensors"):
        with pytest.raises(UserError, match=re.escape(path.name)) as found:
            read_state("resnet18", str(path))
        assert "\n" not in str(found.value) and len(str(found.value)) < 400


def test_names_of_published_weights():
    with pytest.raises(UserError, match=r"'IMAGENET' of 'resnet50'.*none, IMAGENET1K_V1, IMAG.*V2"):
        read_state("resnet50", "IMAGENET")
    with pytest.raises(UserError, match="no weights 'DEFAULT' of 'small'"):
        read_state("small", "DEFAULT")


def test_published_weights_come_through_torchs_cache(tmp_path, monkeypatch):
    """A file put where torch keeps downloads is taken; one with another hash is not fetched."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    name = models.SqueezeNet1_1_Weights.IMAGENET1K_V1.url.rsplit("/", 1)[1]
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    torch.save({"x.weight": torch.ones(2)}, tmp_path / "hub/checkpoints" / name)
    assert list(read_state("squeezenet1_1", "DEFAULT")) == ["x.weight"]


def test_without_a_network_the_address_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"resnet18-f37072fd\.pth: cannot be downloaded"):
        read_state("resnet18", "IMAGENET1K_V1")


def test_old_names_of_densenet(tmp_path):
    network = models.densenet121()
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", name): tensor
        for name, tensor in network.state_dict().items()
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "old.pth")
    state = read_state("densenet121", str(tmp_path / "old.pth"))
    assert state.keys() == network.state_dict().keys()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"b.bias": None}, "file: lacks b.bias; check"),
        ({"d.bias": (1,)}, "file: has unknown d.bias; check"),
        ({"a.weight": (3, 2)}, r"other shapes: a.weight \[3, 2\] for \[2, 3\]"),
        ({"b.bias": None, "d.bias": (1,)}, "lacks b.bias; has unknown d.bias"),
        ({f"x{i}": (1,) for i in range(9)}, "x0, x1, x2 and 6 more"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_written(changes, message):
    wanted = {name: torch.zeros(shape) for name, shape in WANTED.items()}
    with pytest.raises(UserError, match=message):
        fill(wanted, tensors(**changes), "file")
    assert all(not tensor.any() for tensor in wanted.values())


@pytest.mark.parametrize(
    "changes",
    [{}, {"classifier.1.weight": (9, 9)}, {"fc.bias": (1,)}, {"a.num_batches_tracked": None}],
)
def test_a_classifier_more_or_a_count_less_is_fine(changes):
    wanted = {name: torch.zeros(shape) for name, shape in WANTED.items()}
    fill(wanted, tensors(**changes), "file")
    assert all(wanted[name].all() for name in tensors(**changes).keys() & WANTED.keys())


def test_a_digest_is_of_names_values_and_shapes_but_not_of_memory():
    base = {"a": torch.arange(8.0).reshape(1, 2, 2, 2), "b": torch.ones(2)}
    same = {"b": base["b"], "a": base["a"].contiguous(memory_format=torch.channels_last)}
    assert digest(base) == digest(same)
    others = [
        {"a": base["a"], "c": base["b"]},
        {"a": base["a"].reshape(2, 2, 2), "b": base["b"]},
        {"a": base["a"] + 1e-3, "b": base["b"]},
    ]
    assert len({digest(tensors) for tensors in (base, *others)}) == 4
