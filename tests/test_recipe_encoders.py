"""The recipes with encoders of their own: these keep all rules, and learn from a little data."""

import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from seqgen.data.vectors import read_vectors
from seqgen.model.build import find_class
from seqgen.model.inputs import text_batch, vector_batch
from seqgen.scenes.pictures import Picture, pictures
from seqgen.scenes.world import COLOURS, Scene, Thing
from seqgen.testing import check_encoder
from seqgen.training.describing import DescribingSettings, Examples, train_describer
from seqgen.training.report import Report
from seqgen.training.settings import Settings, read_settings

RECIPES = Path(__file__).parent.parent / "recipes"
BRIEF = {"training.max_epochs": 1, "training.precision": "float32", "data.target.vocab_size": 60}
SMALL = {"model.decoder": {"embedding_dim": 16, "hidden_dim": 16, "layers": 1}}


def recipe(name, encoder):
    """The module of a recipe, by way of its encoder."""
    kind = find_class(f"{RECIPES / name}.py:{encoder}")
    return sys.modules[kind.__module__]


@pytest.mark.parametrize(
    ("name", "encoder", "options"),
    [
        ("plug_in_encoder", "ConvEncoder", {"width": 32}),
        ("plug_in_encoder", "TransformerEncoder", {"width": 32}),
        ("vectors", "VectorEncoder", {"input_dim": 8, "hidden_dim": 16}),
    ],
)
def test_their_encoders_keep_all_rules(name, encoder, options):
    check_encoder(getattr(recipe(name, encoder), encoder), **options)


def test_two_inputs_in_one_memory_keep_all_rules():
    module = recipe("picture_and_text", "PictureAndTextEncoder")
    chance = torch.Generator().manual_seed(1)
    pixels = torch.rand(4, 3, module.SIZE, module.SIZE, generator=chance) * 2 - 1
    text = text_batch([[5, 6, 7], [8], [5, 6, 7], [9, 9]])
    batch = module.Both(pixels, text)
    for look in (True, False):
        some = batch if look else module.Both(pixels[[0, 1, 3]], text_batch([[5, 6], [8], [9]]))
        check_encoder(module.PictureAndTextEncoder, some, width=32, look=look)


def test_settings_of_the_recipe_are_settings():
    module = recipe("plug_in_encoder", "ConvEncoder")
    found = read_settings(None, {**module.SETTINGS, "model.encoder": module.ConvEncoder}, Settings)
    assert found.model.encoder.endswith("plug_in_encoder.py:ConvEncoder")
    assert Path(found.data.train_source).exists() and found.training.max_epochs == 14


def test_what_is_spoken_is_read_and_learned_from(tmp_path):
    module = recipe("vectors", "VectorEncoder")
    short, long = (module.speak(text, np.random.default_rng(1)) for text in ("A.", "A cat sat."))
    assert short.shape[1] == long.shape[1] == 64 and len(long) > 2 * len(short)
    with open(module.SCENES / "train.en") as file:
        texts = [line.strip() for line in islice(file, 40)]
    for i, text in enumerate(texts):
        np.save(tmp_path / f"{i:02}.npy", module.speak(text, np.random.default_rng(i)))
    inputs = [read_vectors(path, 64) for path in sorted(tmp_path.glob("*.npy"))]
    changes = {**module.SETTINGS, **BRIEF, **SMALL, "model.encoder": module.VectorEncoder}
    settings = read_settings(None, changes, DescribingSettings)
    some = Examples(inputs, texts)
    quiet = Report(quiet=True)
    model = train_describer(settings, tmp_path / "m", some, some, vector_batch, len, report=quiet)
    assert len(model.describe(inputs[:3])) == 3


def test_colours_are_blank_and_the_picture_is_there():
    module = recipe("picture_and_text", "PictureAndTextEncoder")
    scene = Scene("located", Thing("dog", "red"), relation="left", landmark=Thing("box", "white"))
    found = module.examples([Picture(scene, 1, (scene,))])
    ((pixels, text),) = found.inputs
    assert text == "The ___ dog is to the left of the ___ box."
    assert found.texts == ["Der rote Hund ist links von der weißen Kiste."]
    assert pixels.shape == (3, 32, 32) and -1 <= pixels.min() < pixels.max() <= 1
    told = " ".join(one.captions("en")[0] for one in pictures()["test"])
    words = set(told.lower().replace(".", "").replace(",", "").split())
    assert {word for word in words for colour in COLOURS if colour in word} == set(COLOURS)
