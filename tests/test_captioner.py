import pytest
import torch
from models import loaded_double
from squares import COLOURS, draw

import seqgen
from seqgen import Beam, Greedy, UserError
from seqgen.captioner import Captioner

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
