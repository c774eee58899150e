"""What the drawings show, read back from their pixels."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.scenes.corpus import generate
from seqgen.scenes.draw import draw
from seqgen.scenes.groups import COLOURS
from seqgen.scenes.world import (
    ANIMALS,
    DEEDS,
    DOINGS,
    KINDS,
    RELATIONS,
    THINGS,
    Scene,
    Thing,
)

SEEDS = st.integers(0, 10**6)
LOOKS = st.builds(
    Thing,
    st.sampled_from(KINDS),
    st.sampled_from(list(COLOURS)),
    st.sampled_from([None, "tiny", "small", "big", "huge"]),
    st.sampled_from([1, 2, 3]),
)


def alone(thing):
    return Scene("exists", thing)


def where(scene, seed, colour, size=192):
    """Rows and columns of the pixels of exactly a thing's colour."""
    pixels = np.asarray(draw(scene, seed, size))
    return np.nonzero((pixels == COLOURS[colour]).all(-1))


def drawn(scene, seed=1, size=64):
    """Rows and columns that are not paper."""
    pixels = np.asarray(draw(scene, seed, size))
    return np.nonzero((pixels != pixels[0, 0]).any(-1))


def test_a_picture_is_a_function_of_scene_and_seed():
    scene = Scene("acts", Thing("dog", "red"), "chase", Thing("cat", "blue"))
    image = draw(scene, 3)
    assert (image.mode, image.size) == ("RGB", (64, 64))
    assert draw(scene, 3).tobytes() == image.tobytes()
    assert draw(scene, 4).tobytes() != image.tobytes()
    assert draw(scene, 3, 32).size == (32, 32)


def test_every_scene_of_the_corpus_can_be_drawn_and_stays_on_the_paper():
    for number, scene in enumerate(generate()["valid"]):
        rows, columns = drawn(scene, number)
        assert len(rows) > 40
        assert min(rows.min(), columns.min()) >= 1 and max(rows.max(), columns.max()) <= 62


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("colour", COLOURS)
def test_the_colour_is_there(kind, colour):
    others = [c for c in COLOURS if c != colour and (c, colour) != ("white", "black")]
    rows, _ = where(alone(Thing(kind, colour)), 5, colour, 64)
    assert len(rows) >= 15
    for other in others:
        if other != "white":  # which eyes are too
            assert len(where(alone(Thing(kind, colour)), 5, other, 64)[0]) < len(rows) / 4


@settings(deadline=None)
@given(LOOKS, LOOKS, SEEDS)
def test_what_looks_different_is_drawn_differently(one, other, seed):
    same = draw(alone(one), seed).tobytes() == draw(alone(other), seed).tobytes()
    assert same == (one == other)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(ANIMALS), st.sampled_from(list(COLOURS)), st.sampled_from(KINDS), SEEDS)
def test_every_action_and_relation_looks_its_own_way(kind, colour, other, seed):
    who, what = Thing(kind, colour), Thing(other, "blue")
    scenes = [alone(who)]
    scenes += [replace(alone(who), pattern="does", action=doing) for doing in DOINGS]
    scenes += [Scene("acts", who, deed, what) for deed in DEEDS]
    scenes += [Scene("located", who, relation=r, landmark=what) for r in RELATIONS]
    assert len({draw(scene, seed).tobytes() for scene in scenes}) == len(scenes)


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_and_numbers_order_areas(kind):
    sizes = ("tiny", "small", None, "big", "huge")
    areas = [len(drawn(alone(Thing(kind, "red", size)))[0]) for size in sizes]
    assert areas == sorted(areas) and areas[4] > 4 * areas[0]
    areas = [len(drawn(alone(Thing(kind, "red", None, count)))[0]) for count in (1, 2, 3)]
    assert 1.5 < areas[1] / areas[0] < 2.5 < areas[2] / areas[0] < 3.5


def extent(scene, seed, colour):
    """Left, top, right, bottom of what is drawn in a colour, in 64ths of the picture."""
    rows, columns = where(scene, seed, colour)
    return columns.min() / 3, rows.min() / 3, columns.max() / 3, rows.max() / 3


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(KINDS), st.sampled_from(THINGS), SEEDS, st.data())
def test_relations_are_seen(kind, thing, seed, data):
    """Red is the subject, blue the landmark."""
    size = data.draw(st.sampled_from([None, "small", "big"]))

    def seen(relation):
        scene = Scene("located", Thing(kind, "red", size), relation=relation,
                      landmark=Thing(thing, "blue"))  # fmt: skip
        return extent(scene, seed, "red"), extent(scene, seed, "blue")

    ours, theirs = seen("left")
    assert ours[2] + 5 < theirs[0]
    ours, theirs = seen("right")
    assert ours[0] > theirs[2] + 5
    ours, theirs = seen("above")
    assert ours[3] < theirs[1]
    ours, theirs = seen("below")
    assert ours[1] > theirs[3]


@pytest.mark.parametrize("kind", ["car", "ball", "dog", "fish"])
@pytest.mark.parametrize("size", [None, "small", "big"])
def test_what_stands_in_front_covers_what_is_behind(kind, size):
    """And yet both can be seen."""
    for seed in range(3):
        red, blue = {}, {}
        for relation in ("behind", "before"):
            scene = Scene("located", Thing(kind, "red", size), relation=relation,
                          landmark=Thing("house", "blue"))  # fmt: skip
            red[relation] = len(where(scene, seed, "red")[0])
            blue[relation] = len(where(scene, seed, "blue")[0])
        assert red["before"] / 5 < red["behind"] and blue["behind"] / 5 < blue["before"]
        assert red["behind"] + blue["before"] < red["before"] + blue["behind"]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["box", "cube", "house"]), SEEDS)
def test_what_is_behind_stands_higher(thing, seed):
    for relation, higher in (("behind", True), ("before", False)):
        scene = Scene("located", Thing("car", "red"), relation=relation,
                      landmark=Thing(thing, "blue"))  # fmt: skip
        assert (extent(scene, seed, "red")[3] + 3 < extent(scene, seed, "blue")[3]) == higher


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(ANIMALS), st.sampled_from(KINDS), SEEDS)
def test_what_is_carried_is_on_top_and_what_is_lifted_above(kind, other, seed):
    def seen(deed):
        scene = Scene("acts", Thing(kind, "red"), deed, Thing(other, "green"))
        return extent(scene, seed, "red"), extent(scene, seed, "green")

    ours, theirs = seen("carry")
    assert theirs[1] < ours[1] and theirs[3] < ours[3]
    ours, theirs = seen("lift")
    assert theirs[3] < ours[1]


def test_a_sleeper_lies_lower_and_a_jumper_has_a_shadow():
    dog = Thing("dog", "red")
    standing, sleeping, jumping = (
        extent(Scene("does", dog, action), 1, "red") for action in (None, "sleep", "jump")
    )
    assert sleeping[3] - sleeping[1] < 0.8 * (standing[3] - standing[1])
    rows, _ = drawn(Scene("does", dog, "jump"), size=192)
    assert rows.max() / 3 > jumping[3] + 4
