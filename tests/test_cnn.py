import inspect
import json

import pytest
import torch
from torch import nn
from torchvision import models

from seqgen.errors import UserError
from seqgen.images import find_images, read_image, to_pixels
from seqgen.model.build import build_encoder
from seqgen.model.cnn import CNNEncoder, places
from seqgen.model.inputs import image_batch
from seqgen.model.memory import ImageBatch
from seqgen.model.pretrained import default_images

SPEC = "seqgen.model.cnn:CNNEncoder"


def encoder(backbone="shufflenet_v2_x0_5", tuned=0, **options):
    torch.manual_seed(2)
    return CNNEncoder(backbone, tuned_stages=tuned, output_dim=24, **options)


def pixels(side=64, rows=2):
    return torch.randn(rows, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("backbone", "side", "grid"),
    [("resnet18", 96, (3, 3)), ("squeezenet1_1", 224, (13, 13)), ("small", 64, (8, 8))],
)
def test_positions_are_the_places_of_the_map(backbone, side, grid):
    model = encoder(backbone, dropout=0.0).eval()
    memory = model(ImageBatch(pixels(side)))
    assert memory.grid == grid and memory.mask.all()
    assert memory.states.shape == (2, grid[0] * grid[1], 24)
    torch.testing.assert_close(memory.summary, memory.states.mean(1))
    maps = model.features(pixels(side))
    seen = model.project(maps[:, :, 1, 2])
    here = model.place(places(*grid)[grid[1] + 2])
    torch.testing.assert_close(memory.states[:, grid[1] + 2], seen + here)


def test_places_are_told_apart_whatever_the_grid():
    told = places(3, 5)
    assert told.shape == (15, 10)
    assert told[0, :2].tolist() == [-1.0, -1.0] and told[14, :2].tolist() == [1.0, 1.0]
    assert told[7, :2].tolist() == [0.0, 0.0]  # the middle
    assert len({tuple(row) for row in told.tolist()}) == 15


def test_pooled_is_one_position_of_the_mean():
    grid, pooled = (encoder("small", pooled=pooled).eval() for pooled in (False, True))
    memory = pooled(ImageBatch(pixels()))
    assert memory.grid is None and memory.states.shape == (2, 1, 24)
    torch.testing.assert_close(
        pooled.features(pixels())[..., 0, 0], grid.features(pixels()).mean((2, 3))
    )
    assert torch.equal(memory.summary, memory.states[:, 0])
    assert pooled.stem_sha256 != grid.stem_sha256 == encoder("small").stem_sha256


@pytest.mark.parametrize("tuned", [0, 1, 4])
@pytest.mark.parametrize("pooled", [False, True])
def test_features_stand_for_the_pixels(tuned, pooled):
    model = encoder(tuned=tuned, pooled=pooled).eval()
    cached = model.features(pixels()).contiguous()
    kept = cached.clone()
    direct, late = model(ImageBatch(pixels())), model(ImageBatch(features=cached))
    torch.testing.assert_close(late.states, direct.states)
    assert late.grid == direct.grid and torch.equal(cached, kept)
    halved = model(ImageBatch(features=cached.half()))
    torch.testing.assert_close(halved.states, direct.states, atol=0.02, rtol=0.02)


def trained(model, steps=2):
    """The names of the tensors that some steps of training change."""
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(steps):
        model.train()
        model(ImageBatch(pixels(rows=4))).states.square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    after = model.state_dict()
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("tuned", [0, 2])
def test_training_moves_the_tuned_stages_and_nothing_frozen(tuned):
    model = encoder(tuned=tuned)
    sha256, features = model.stem_sha256, model.features(pixels())
    changed = trained(model)
    assert any(name.startswith("project") for name in changed)
    assert any(name.startswith("stages") for name in changed) == (tuned > 0)
    assert not any(name.startswith("stem") or "running" in name for name in changed)
    assert model.train().stem_sha256 == sha256 and torch.equal(model.features(pixels()), features)
    learned = {n for n, p in model.named_parameters() if p.requires_grad and n.startswith("stages")}
    assert learned <= changed
    assert {id(p) for p in model.tuned_parameters} == {
        id(p) for n, p in model.named_parameters() if n in learned
    }


def test_from_scratch_everything_moves_statistics_too():
    model = encoder(tuned=-1, weights="none")
    assert not list(model.stem.parameters()) and model.tuned_parameters == []
    changed = trained(model)
    assert {n for n, _ in model.named_parameters()} <= changed
    assert any(name.endswith("running_mean") for name in changed)
    modes = {m.training for m in model.train().modules() if isinstance(m, nn.BatchNorm2d)}
    assert modes == {True}


def test_the_small_network_learns_drawings_it_is_shown():
    torch.manual_seed(0)
    model = CNNEncoder("small", "none", -1, output_dim=16)
    head = nn.Linear(16, 4)
    parameters = [*model.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=2e-3)
    images, labels = torch.zeros(16, 3, 64, 64), torch.arange(16) % 4
    for i in range(16):  # a bright patch in one of the corners, somewhere
        x, y = 5 + i + 30 * (i % 2), 3 + i + 30 * (i % 4 // 2)
        images[i, i % 3, y : y + 8, x : x + 8] = 1.0
    for _ in range(20):
        loss = nn.functional.cross_entropy(head(model(ImageBatch(images)).summary), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    found = head(model.eval()(ImageBatch(images)).summary).argmax(-1)
    assert torch.equal(found, labels)


def test_bfloat16_autocast_and_memory_formats():
    model = encoder(tuned=1, dropout=0.0).eval()
    exact = model(ImageBatch(pixels())).states
    plain = model(ImageBatch(pixels().contiguous(memory_format=torch.channels_last))).states
    torch.testing.assert_close(plain, exact)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model.train()(ImageBatch(pixels())).states
        again = model(ImageBatch(features=model.features(pixels()))).states
    rough.sum().backward()
    assert (rough - exact).abs().mean() < 0.1 and torch.equal(again, rough)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.tuned_parameters)


def test_arguments_survive_json_and_the_weights_file_may_be_gone(tmp_path):
    torch.save(models.squeezenet1_1().state_dict(), tmp_path / "weights.pth")
    options = {
        "backbone": "squeezenet1_1",
        "weights": str(tmp_path / "weights.pth"),
        "tuned_stages": 1,
        "pooled": False,
        "output_dim": 8,
        "dropout": 0.1,
    }
    assert list(options) == list(inspect.signature(CNNEncoder).parameters)
    fresh = build_encoder(SPEC, options, 0)
    found = fresh.load_pretrained()
    assert (found.backbone, found.weights) == ("squeezenet1_1", options["weights"])
    (tmp_path / "weights.pth").unlink()
    loaded = build_encoder(SPEC, json.loads(json.dumps(options)), 0)
    loaded.load_state_dict(fresh.state_dict())
    batch = ImageBatch(pixels())
    assert torch.equal(loaded.eval()(batch).states, fresh.eval()(batch).states)
    with pytest.raises(UserError, match=r"weights\.pth: does not exist"):
        loaded.load_pretrained()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backbone": "resnet19"}, "there is no 'resnet19'"),
        ({"backbone": "small", "tuned_stages": 4}, "'small' has 3 stages"),
        ({"backbone": "small", "tuned_stages": -2}, "tuned_stages is -2.*-1 to train from"),
        ({"output_dim": 0}, "output_dim"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(UserError, match=message):
        CNNEncoder(**options)


def test_frozen_random_stages_are_not_trained_behind():
    assert encoder("small", tuned=-1, weights="none").load_pretrained() is None
    with pytest.raises(UserError, match="leaves the frozen stages random"):
        encoder("small", tuned=1, weights="none").load_pretrained()


def test_an_image_smaller_than_any_map():
    with pytest.raises(UserError, match="31 x 31 pixels are too small for 'resnet18'"):
        encoder("resnet18")(ImageBatch(pixels(31)))


@pytest.mark.parametrize(
    ("backbone", "file"),
    [("squeezenet1_1", "squeezenet1_1.pth"), ("mobilenet_v2", "mobilenet_v2_features.pth")],
)
def test_real_weights_on_photographs(real_data, backbone, file):
    """The map is that of torchvision's network with the same file."""
    path = str(real_data("weights") / file)
    model = CNNEncoder(backbone, path).eval()
    assert model.load_pretrained().weights == path
    network = models.get_model(backbone).eval()
    network.load_state_dict(torch.load(path, weights_only=True), strict=False)
    config = default_images(backbone, path)
    photos = find_images([real_data("coco_mini")])[:3]
    batch = image_batch([to_pixels(read_image(photo), config) for photo in photos]).pixels
    with torch.no_grad():
        torch.testing.assert_close(
            model.features(batch), network.features(batch), rtol=1e-4, atol=1e-3
        )
    other = {"squeezenet1_1": "mobilenet_v2", "mobilenet_v2": "squeezenet1_1"}[backbone]
    with pytest.raises(UserError, match=r"lacks features\.0\..* has unknown features\."):
        CNNEncoder(other, path).load_pretrained()
