"""Images as pixels: `to_pixels` and its settings."""

import json

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image
from torchvision import models
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

from seqgen.config import from_dict, to_dict
from seqgen.errors import UserError
from seqgen.images import ImageConfig, to_pixels
from seqgen.model.pretrained import default_images

PHOTO = Image.effect_noise((301, 280), 60).convert("RGB")


@pytest.mark.parametrize(
    ("backbone", "weights"),
    [
        ("resnet50", "IMAGENET1K_V2"),
        ("mobilenet_v2", "DEFAULT"),
        ("efficientnet_b1", "IMAGENET1K_V1"),
        ("efficientnet_v2_s", "DEFAULT"),
        ("vgg16", "IMAGENET1K_FEATURES"),
    ],
)
def test_equals_the_transforms_torchvision_publishes(backbone, weights):
    """One of 256 levels is 0.015 at least; the last bits of a division may differ."""
    published = models.get_model_weights(backbone)[weights].transforms()
    config = default_images(backbone, weights)
    for image in (PHOTO, PHOTO.resize((700, 231))):
        found = torch.from_numpy(to_pixels(image, config))
        torch.testing.assert_close(found, published(image), rtol=0, atol=2e-5)


@given(
    st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(0, 30),
    st.sampled_from(["crop", "squash"]), st.sampled_from(["bilinear", "bicubic", "nearest"]),
)  # fmt: skip
def test_equals_torchvision_to_the_bit(width, height, size, more, fit, mode):
    assume(max(width, height) <= 4 * min(width, height))
    image = PHOTO.crop((7, 9, 7 + width, 9 + height))
    config = ImageConfig(size, fit, size + more, interpolation=mode)
    sides = [size, size] if fit == "squash" else [config.resize]
    resized = F.resize(image, sides, InterpolationMode(mode))
    scaled = F.to_dtype(F.pil_to_tensor(F.center_crop(resized, [size])), torch.float32, scale=True)
    expected = F.normalize(scaled, list(config.mean), list(config.std))
    assert torch.equal(torch.from_numpy(to_pixels(image, config)), expected)


def test_of_local_files_the_first_published_settings():
    first = default_images("mobilenet_v2", "IMAGENET1K_V1")
    assert first.resize == 256 != default_images("mobilenet_v2", "IMAGENET1K_V2").resize
    assert default_images("mobilenet_v2", "a/b.pth") == default_images("mobilenet_v2", "none")
    assert default_images("mobilenet_v2", "none") == first
    with pytest.raises(UserError, match=r"no weights 'V9' of 'resnet18'.*IMAGENET1K_V1"):
        default_images("resnet18", "V9")
    with pytest.raises(UserError, match="there is no 'resnet19'"):
        default_images("resnet19", "none")


def test_plain_colours_are_normalized():
    config = ImageConfig(8, "crop", 9, (0.5, 0.25, 0.0), (0.5, 0.25, 2.0))
    pixels = to_pixels(Image.new("RGB", (20, 31), (255, 0, 51)), config)
    assert pixels.shape == (3, 8, 8) and pixels.dtype == np.float32
    assert pixels[:, 4, 4].tolist() == pytest.approx([1.0, -1.0, 0.1])
    assert (pixels == pixels[:, :1, :1]).all()


def test_crop_takes_the_middle_and_squash_takes_all():
    """Thirds of red, green and blue side by side, three times as wide as high."""
    thirds = np.zeros((30, 90, 3), np.uint8)
    for i in range(3):
        thirds[:, 30 * i : 30 * (i + 1), i] = 255
    plain = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "interpolation": "nearest"}
    image = Image.fromarray(thirds)
    green = to_pixels(image, ImageConfig(30, "crop", 30, **plain))
    assert green.max((1, 2)).tolist() == [0.0, 1.0, 0.0]
    whole = to_pixels(image, ImageConfig(30, "squash", **plain))
    assert (whole == np.eye(3).repeat(10, 1)[:, None, :]).all()


@pytest.mark.parametrize("size", [(20000, 1), (1, 20000), (3, 9000), (1, 1)])
def test_strips_stay_small(size):
    assert to_pixels(Image.new("RGB", size), ImageConfig()).shape == (3, 224, 224)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 0}, "size must be at least 1"),
        ({"size": 300}, "resize 256 is below size 300"),
        ({"fit": "pad"}, "crop, squash"),
        ({"interpolation": "cubic"}, "bilinear, bicubic, nearest"),
        ({"std": (0.1, 0.1, 0.0)}, "above 0"),
    ],
)
def test_settings_are_checked(changes, message):
    with pytest.raises(UserError, match=message):
        ImageConfig(**changes)


def test_settings_survive_json():
    config = default_images("efficientnet_b3", "DEFAULT")
    assert from_dict(ImageConfig, json.loads(json.dumps(to_dict(config))), "file") == config
