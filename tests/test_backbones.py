from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from seqgen.errors import UserError
from seqgen.model.backbones import HEAD, backbone_names, build_backbone
from seqgen.model.pretrained import fill


def rest(network: nn.Module, maps: Tensor) -> Tensor:
    """What each of torchvision's classes does with its feature map, as its forward says."""
    if isinstance(network, models.VGG):
        maps = network.avgpool(network.features[-1](maps))
    if isinstance(network, models.SqueezeNet):
        return network.classifier(maps).flatten(1)
    if isinstance(network, models.ConvNeXt):
        return network.classifier(maps.mean((2, 3), keepdim=True))
    vectors = maps.flatten(1) if isinstance(network, models.VGG) else maps.mean((2, 3))
    head: Callable[[Tensor], Tensor] = dict(network.named_children()).get("fc")
    return (head or network.classifier)(vectors)


@pytest.mark.parametrize(
    ("name", "count", "channels"),
    [
        ("resnet18", 5, 512),
        ("mobilenet_v2", 5, 1280),
        ("mobilenet_v3_small", 5, 576),
        ("efficientnet_b0", 5, 1280),
        ("squeezenet1_1", 4, 512),
        ("convnext_tiny", 4, 768),
        ("densenet121", 5, 1024),
        ("regnet_y_400mf", 5, 440),
        ("shufflenet_v2_x0_5", 4, 1024),
        ("mnasnet0_5", 5, 1280),
        ("vgg11", 5, 512),
    ],
)
def test_a_backbone_is_torchvisions_network_without_its_classifier(name, count, channels):
    """With torchvision's own weights and the rest of its forward, its own logits come out."""
    torch.manual_seed(0)
    backbone = build_backbone(name)
    network = models.get_model(name).eval()
    for buffer_name, buffer in network.named_buffers():  # no BatchNorm that does nothing
        if buffer_name.endswith("running_mean"):
            buffer.normal_(std=0.1)
    wanted = {
        n.replace("/", "."): t for stage in backbone.stages for n, t in stage.state_dict().items()
    }
    fill(wanted, network.state_dict(), name)
    assert (len(backbone.stages), backbone.channels) == (count, channels)
    pixels = torch.randn(2, 3, 96, 65)
    with torch.no_grad():
        maps = nn.Sequential(*backbone.stages).eval()(pixels)
        torch.testing.assert_close(rest(network, maps), network(pixels))
    assert {n for n, _ in network.named_children()} & set(HEAD)


@pytest.mark.parametrize("name", ["small", "squeezenet1_1", "shufflenet_v2_x0_5", "mnasnet0_5"])
def test_stages_are_cut_where_the_resolution_falls(name):
    backbone = build_backbone(name)
    maps = torch.randn(1, 3, 224, 224)
    sides = []
    for stage in backbone.stages:
        assert any(True for _ in stage.parameters())
        maps = stage(maps)
        sides.append(maps.shape[-1])
    assert sides == sorted(set(sides), reverse=True)
    least = torch.zeros(1, 3, backbone.reduction, backbone.reduction)
    assert nn.Sequential(*backbone.stages).eval()(least).shape == (1, backbone.channels, 1, 1)


def test_stages_leave_their_input_alone():
    """What goes into a stage may be a cache."""
    for name in ("small", "squeezenet1_1", "densenet121"):
        maps = torch.randn(1, 3, 64, 64)
        for stage in build_backbone(name).stages:
            kept = maps.clone()
            after = stage.eval()(maps)
            assert torch.equal(maps, kept)
            maps = after.detach()


def test_names():
    names = backbone_names()
    assert {"small", "resnet152", "wide_resnet50_2", "resnext50_32x4d", "vgg16_bn"} < set(names)
    with pytest.raises(UserError, match=r"there is no 'resnet19'.*resnet18"):
        build_backbone("resnet19")
    for name in ("vit_b_16", "swin_t", "googlenet"):
        assert name not in names
        with pytest.raises(UserError, match=f"'{name}' has no convolutional feature map"):
            build_backbone(name)


def test_the_small_network_gives_a_grid_of_eight():
    backbone = build_backbone("small")
    network = nn.Sequential(*backbone.stages)
    assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 128, 8, 8)
    assert sum(p.numel() for p in network.parameters()) < 400_000
