import json

import pytest
import torch
from squares import caption_settings, write_squares
from test_trainer import StopAt, state
from torch import nn

import seqgen
from seqgen.errors import UserError
from seqgen.inspection import describe, replay
from seqgen.model.memory import ImageBatch, Memory
from seqgen.training.report import Report
from seqgen.training.run import resume_captioner, train_captioner
from seqgen.training.settings import CaptionSettings, read_settings

WILD = {
    "consistency": 1.0,
    "scheduled_sampling": 0.2,
    "subword_sampling": 0.5,
    "accumulate": 2,
    "save_every": 4,
    "label_smoothing": 0.1,
}


def train(folder, out, extra=(), **training):
    changes = caption_settings(folder, **training) | dict(extra)
    return train_captioner(read_settings(None, changes, CaptionSettings), out, Report(quiet=True))


def test_interrupted_and_resumed_equals_unbroken_bit_for_bit(tmp_path, monkeypatch):
    flip = {"data.flip": True}
    train(tmp_path / "data", tmp_path / "whole", flip, **WILD)
    StopAt(monkeypatch, 1, 6)
    with pytest.raises(UserError, match="train caption --out"):
        train(tmp_path / "again", tmp_path / "broken", flip, **WILD)
    with pytest.raises(UserError, match="--resume"):
        resume_captioner(tmp_path / "broken", Report(quiet=True))
    resume_captioner(tmp_path / "broken", Report(quiet=True))
    assert state(tmp_path / "whole") == state(tmp_path / "broken")


def test_a_reward_goes_on_from_a_trained_model_and_resumes_exactly(
    tiny_captioner, tmp_path, monkeypatch
):
    options = {
        "pictures": 192,  # those it learned from, for the same vocabulary
        "reward": "cider_d", "samples": 3, "max_epochs": 1, "learning_rate": 1e-4,
        "initial": str(tiny_captioner), "average": 0.0, "save_every": 3,
    }  # fmt: skip
    train(tmp_path / "data", tmp_path / "whole", **options)
    StopAt(monkeypatch, 2)
    with pytest.raises(UserError, match="--resume"):
        train(tmp_path / "again", tmp_path / "broken", **options)
    resume_captioner(tmp_path / "broken", Report(quiet=True))
    assert state(tmp_path / "whole") == state(tmp_path / "broken")
    score = {
        name: json.loads((folder / "best/scores.json").read_text())[-1]["value"]
        for name, folder in (("before", tiny_captioner), ("after", tmp_path / "whole"))
    }
    assert score["after"] > 0.5 * score["before"]  # it began with what was learned


def test_tuned_stages_move_and_frozen_ones_do_not(tmp_path, real_data):
    weights = real_data("weights") / "squeezenet1_1.pth"
    encoder = {
        "backbone": "squeezenet1_1", "weights": str(weights), "tuned_stages": 1, "output_dim": 16,
    }  # fmt: skip
    image = {"size": 64, "resize": 64}
    extra = {"model.encoder_options": encoder, "data.image": image}
    train(tmp_path / "data", tmp_path / "out", extra, max_epochs=1, average=0.0)
    bundle = seqgen.load(tmp_path / "out").bundles[0]
    fresh = type(bundle.model.encoder)(**encoder)
    fresh.load_pretrained()
    moved = {
        name: not value.equal(bundle.model.encoder.state_dict()[name])
        for name, value in fresh.state_dict().items()
        if name.startswith(("stem", "stages"))
    }
    assert any(moved.values())
    assert not any(changed for name, changed in moved.items() if name.startswith("stem"))
    assert all(changed for name, changed in moved.items() if name.startswith("stages"))


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_a_resnet_goes_through_cache_training_saving_loading_and_captioning(tmp_path, backbone):
    """Of the real architecture, with random weights of a file of its own."""
    import torch
    from squares import draw
    from torchvision import models

    torch.manual_seed(0)
    torch.save(models.get_model(backbone).state_dict(), tmp_path / "random.pth")
    encoder = {"backbone": backbone, "weights": str(tmp_path / "random.pth"), "output_dim": 16}
    extra = {"model.encoder_options": encoder, "data.image": {"size": 64, "resize": 64}}
    train(tmp_path / "data", tmp_path / "out", extra, max_epochs=1)
    (tmp_path / "random.pth").unlink()  # the bundle has them
    model = seqgen.load(tmp_path / "out")
    assert len(model.caption([draw("red", "left"), draw("blue", "right")])) == 2


def test_the_bundle_describes_itself_and_replays_its_self_test(tiny_captioner):
    text = describe(tiny_captioner)
    assert "caption" in text and "CIDEr-D" in text and "BLEU-4" in text
    assert "3 of 3" in replay(tiny_captioner)


def test_weights_that_are_not_there_are_named(tmp_path):
    options = {"backbone": "resnet18", "weights": str(tmp_path / "none.pth")}
    with pytest.raises(UserError, match=r"none\.pth"):
        train(tmp_path / "data", tmp_path / "out", {"model.encoder_options": options})


def test_broken_pictures_are_all_named_before_training(tmp_path):
    folder = write_squares(tmp_path / "broken")
    (folder / "images" / "3.png").write_bytes(b"no picture")
    (folder / "images" / "5.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"2 of 48 images.*3\.png.*5\.png"):
        train(tmp_path / "data", tmp_path / "out", {"data.captions": str(folder)})


@pytest.mark.parametrize(("reward", "said"), [("bleu", "use cider_d"), ("blue", "cider_d")])
def test_a_reward_for_something_else_is_refused(tmp_path, reward, said):
    with pytest.raises(UserError, match=said):
        train(tmp_path / "data", tmp_path / "out", reward=reward)


class Patches(nn.Module):
    """Sees patches of 16 x 16 pixels."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.output_dim = width
        self.see = nn.Conv2d(3, width, 16, 16)

    def forward(self, batch):
        maps = self.see(batch.pixels)
        states = maps.flatten(2).mT
        mask = torch.ones(states.shape[:2], dtype=torch.bool)
        return Memory(states, mask, states.mean(1), tuple(maps.shape[2:]))


class FrozenPatches(Patches):
    """The same, with a frozen part."""

    stem_sha256 = "patches"

    def features(self, pixels):
        return pixels[:, :1]

    def forward(self, batch):
        maps = self.features(batch.pixels) if batch.features is None else batch.features
        return super().forward(ImageBatch(pixels=maps.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize(("encoder", "channels"), [(Patches, 3), (FrozenPatches, 1)])
def test_an_encoder_of_images_of_ones_own(tmp_path, encoder, channels):
    changes = caption_settings(tmp_path / "data", max_epochs=1)
    changes["data.image"] = {"size": 32, "resize": 32}
    settings = read_settings(None, changes, CaptionSettings)
    quiet, out = Report(quiet=True), tmp_path / "out"
    captioner = train_captioner(settings, out, quiet, encoder, {"width": 8})
    assert isinstance(captioner.bundles[0].model.encoder, encoder)
    index = json.loads((out / "data/train/features/index.json").read_text())
    assert index["shape"] == [channels, 32, 32]
    picture = tmp_path / "data/images/1.png"
    assert [best[0].grid for best in captioner.hypotheses([picture])] == [(2, 2)]
    assert "of 3 outputs" in replay(out)


def test_an_encoder_of_text_is_told_what_images_have(tmp_path):
    changes = caption_settings(tmp_path / "data") | {"data.image": {"size": 32, "resize": 32}}
    changes |= {"model.encoder": MeanOfText, "model.encoder_options": {}}
    with pytest.raises(UserError, match="asks for 'tokens', but ImageBatch has pixels, features"):
        train_captioner(
            read_settings(None, changes, CaptionSettings), tmp_path / "out", Report(quiet=True)
        )


class MeanOfText(Patches):
    """Reads tokens."""

    def forward(self, batch):
        return batch.tokens
