from dataclasses import replace

import pytest
import torch
from good_encoders import PixelEncoder
from models import loaded_double
from squares import COLOURS, caption_settings, draw

import seqgen
from seqgen import Beam, Greedy, UserError
from seqgen.captioner import Captioner
from seqgen.export.folder import export
from seqgen.overlay import words, write_explanation
from seqgen.search.processors import ForcedPrefix
from seqgen.training.report import Report
from seqgen.training.run import train_captioner
from seqgen.training.settings import CaptionSettings, read_settings

PICTURES = [draw(colour, place) for colour in COLOURS for place in ("left", "right")]


@pytest.fixture(scope="module")
def model(tiny_captioner):
    loaded = loaded_double(tiny_captioner)
    assert isinstance(loaded, Captioner)
    return loaded


def test_it_has_learned_to_see(tiny_captioner):
    """By chance one caption in eight would name the colour and the place of its square."""
    captions = seqgen.load(tiny_captioner).caption(PICTURES)
    shown = [(colour, place) for colour in COLOURS for place in ("left", "right")]
    right = [c in text and p in text for text, (c, p) in zip(captions, shown, strict=True)]
    assert sum(right) >= 5


def test_attention_is_over_the_grid_and_sums_to_one(model):
    for best in model.hypotheses(PICTURES[:2], Greedy()):
        height, width = best[0].grid
        weights = torch.from_numpy(best[0].hypothesis.attention.copy())
        assert weights.shape[1] == height * width
        torch.testing.assert_close(weights.sum(1), torch.ones_like(weights[:, 0]))


@pytest.fixture(scope="module")
def wide_model(tmp_path_factory):
    """The folder of a captioner that sees pictures as 2 rows of 4 places."""
    folder = tmp_path_factory.mktemp("wide")
    changes = caption_settings(folder / "data", 8, max_epochs=1)
    changes["model.encoder_options"] = {"high": 32}
    settings = read_settings(None, changes, CaptionSettings)
    train_captioner(settings, folder / "model", Report(quiet=True), encoder=PixelEncoder)
    return folder / "model"


def test_a_grid_that_is_no_square_is_that_of_the_memory(wide_model, tmp_path):
    model = seqgen.load(wide_model)
    said = [ForcedPrefix(tuple(model.target.encode(["a red square"])[0]))]
    ((best,),) = model.hypotheses(PICTURES[:1], Greedy(), said)
    assert best.grid == (2, 4) and best.hypothesis.attention.shape[1] == 8
    (text, weights), *_ = words(best)
    assert text == "a" and weights.shape == (2, 4)
    export(wide_model, tmp_path / "out")
    ((other,),) = seqgen.load(tmp_path / "out").hypotheses(PICTURES[:1], Greedy(), said)
    assert (other.text, other.grid) == (best.text, (2, 4))
    PICTURES[0].save(tmp_path / "a.png")
    write_explanation(tmp_path / "b.png", [(tmp_path / "a.png", best)], model.images)


def test_positions_that_are_no_places_are_not_laid_over_a_picture(model):
    for grids in ([None], [(2, 2), None], [(2, 8), (8, 2)]):
        bundles = [replace(model.bundles[0]) for _ in grids]
        for bundle, grid in zip(bundles, grids, strict=True):
            object.__setattr__(bundle, "grid", lambda grid=grid: grid)
        ((best,),) = Captioner(*bundles).hypotheses(PICTURES[:1], Greedy())
        assert best.grid is None and best.hypothesis.attention is not None
    with pytest.raises(UserError, match="no grid of places"):
        words(best)


def test_a_file_that_is_no_picture_is_told_of_and_stops_nothing(model, tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    PICTURES[0].save(good)
    bad.write_bytes(b"no picture")
    told = []
    found = list(
        model.hypotheses([bad, good, bad, good], Greedy(), on_error=lambda *x: told.append(x))
    )
    assert [len(best) for best in found] == [0, 1, 0, 1]
    assert found[1] == found[3]
    assert [picture for picture, _ in told] == [bad, bad]
    with pytest.raises(UserError, match=r"bad\.png"):
        model.caption([good, bad])


def test_an_ensemble_of_one_model_twice_is_that_model(model, tiny_captioner):
    twice = loaded_double(tiny_captioner, tiny_captioner)
    assert twice.caption(PICTURES, Beam(3)) == model.caption(PICTURES, Beam(3))


def test_models_of_other_tasks_are_refused(tiny_bundle, tiny_captioner):
    from seqgen.generate import load_captioner, load_translator

    with pytest.raises(UserError, match="can caption, not translate"):
        load_translator(tiny_captioner)
    with pytest.raises(UserError, match="can translate, not caption"):
        load_captioner(tiny_bundle)
    with pytest.raises(UserError, match="1 pictures and 2 texts"):
        load_captioner(tiny_captioner).score(PICTURES[:1], ["a", "b"])
