import pytest
import torch

from seqgen.model.memory import ImageBatch, Memory

STATES, MASK, SUMMARY = torch.zeros(2, 6, 4), torch.ones(2, 6, dtype=torch.bool), torch.zeros(2, 4)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((STATES[0], MASK, SUMMARY), "states"),
        ((STATES.long(), MASK, SUMMARY), "states"),
        ((STATES, MASK[:, :5], SUMMARY), "mask"),
        ((STATES, MASK.float(), SUMMARY), "mask"),
        ((STATES, MASK, SUMMARY[:, :3]), "summary"),
        ((STATES, MASK, SUMMARY, (2, 2)), "grid"),
    ],
)
def test_says_which_shape_is_wrong(arguments, named):
    with pytest.raises(ValueError, match=named):
        Memory(*arguments)


def test_select_reorders_and_repeats_every_part():
    states = torch.arange(48.0).reshape(2, 6, 4)
    memory = Memory(states, torch.rand(2, 6) > 0.5, states.sum(1), (2, 3))
    chosen = memory.select(torch.tensor([1, 1, 0]))
    for name in ("states", "mask", "summary"):
        whole, part = getattr(memory, name), getattr(chosen, name)
        assert torch.equal(part, torch.stack([whole[1], whole[1], whole[0]]))
    assert chosen.grid == (2, 3)


IMAGES, MAPS = torch.zeros(2, 3, 8, 8), torch.zeros(2, 5, 4, 4)


@pytest.mark.parametrize(
    ("pixels", "features", "message"),
    [
        (None, None, "either"),
        (IMAGES, MAPS, "either"),
        (IMAGES[0], None, r"pixels must be float \[B, 3, height, width\], not float32 \[3, 8, 8\]"),
        (IMAGES[:, :1], None, "pixels"),
        (IMAGES.byte(), None, "pixels must be float .* not uint8"),
        (None, MAPS[0], "features"),
        (None, MAPS.int(), "features"),
    ],
)
def test_a_batch_of_images_is_checked(pixels, features, message):
    with pytest.raises(ValueError, match=message):
        ImageBatch(pixels, features)
