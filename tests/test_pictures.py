"""The corpus of pictures: captions read back word by word, splits, files."""

import json
import re

import pytest
from PIL import Image

from seqgen.errors import UserError
from seqgen.scenes import pictures as module
from seqgen.scenes.corpus import pairs
from seqgen.scenes.pictures import SIZE, pictures, training_scenes, write_pictures
from seqgen.scenes.world import COLOURS, KINDS, SIZES

CORPUS = pictures()
WHERE = {
    "left": "to the left of", "right": "to the right of", "above": "above", "below": "below",
    "behind": "behind", "before": "in front of", "beside": "next to",
}  # fmt: skip
OTHER_SIDE = {"left": "right", "above": "below", "behind": "before", "beside": "beside"}
OTHER_SIDE |= {value: key for key, value in OTHER_SIDE.items()}
NOUN = re.compile(
    rf"(?:({'|'.join(SIZES)}) )?(?:({'|'.join(COLOURS)}) )?"
    rf"({'|'.join(sorted(KINDS, key=len, reverse=True))})(?:es|s)?\b"
)
NUMBERS = {"two": 2, "three": 3}


def everything():
    return [(part, picture) for part, some in CORPUS.items() for picture in some]


def read(caption):
    """(number, size, colour, kind) of every thing a caption tells of, in order."""
    found = []
    for match in NOUN.finditer(caption):
        before = caption[: match.start()].split()
        found.append(
            (NUMBERS.get(before[-1].lower(), 1), *(part or None for part in match.groups()))
        )
    return found  # fmt: skip


def test_the_corpus_is_a_function_of_its_seed():
    assert {part: len(some) for part, some in CORPUS.items()} == SIZE
    assert pictures() == CORPUS
    assert pictures(2) != CORPUS


def test_pictures_are_different():
    images = {picture.image().tobytes() for picture in CORPUS["valid"] + CORPUS["test"]}
    assert len(images) == SIZE["valid"] + SIZE["test"]
    scenes = [picture.scene for _, picture in everything()]
    assert len(set(scenes)) == len(scenes)


def test_two_to_five_captions_none_twice():
    for _, picture in everything():
        told = picture.captions("en"), picture.captions("de")
        assert len(told[0]) == len(told[1]) and 2 <= len(told[0]) <= 5
        for captions in told:
            assert len(set(captions)) == len(captions)


def test_captions_tell_of_what_is_there():
    """Every thing in every caption is one of the picture, with its number, colour and size."""
    for _, picture in everything():
        there = {thing.kind: thing for thing in picture.scene.things}
        assert len(there) == 2
        for caption in picture.captions("en"):
            told = read(caption)
            assert {kind for *_, kind in told} == set(there), caption
            for number, size, colour, kind in told:
                thing = there[kind]
                assert number == thing.count, caption
                assert size in (None, thing.size) and colour in (None, thing.colour), caption
            if caption.split()[-2] in ("is", "are"):  # "The dog that waits ... is red."
                assert caption.split()[-1] == f"{picture.scene.subject.colour}."


def test_captions_tell_where_things_are_from_either_side():
    turned = 0
    for _, picture in everything():
        scene = picture.scene
        if scene.relation is None:
            continue
        for caption in picture.captions("en"):
            straight = read(caption)[0][-1] == scene.subject.kind
            turned += not straight
            relation = scene.relation if straight else OTHER_SIDE[scene.relation]
            assert f" {WHERE[relation]} " in caption
    assert turned > 100


def test_something_of_every_kind_can_be_seen_and_told():
    scenes = [picture.scene for picture in CORPUS["train"]]
    assert {scene.pattern for scene in scenes} == {"located", "does", "acts", "while"}
    told = {telling.pattern for picture in CORPUS["train"] for telling in picture.tellings}
    assert told == {"located", "exists", "does", "is_coloured", "acts", "while"}
    assert {thing.size for scene in scenes for thing in scene.things} == {None, *SIZES}


def test_tests_ask_for_what_training_never_had():
    seen = set().union(*(pairs(picture.scene) for picture in CORPUS["train"]))
    unseen = {}
    for part in ("valid", "test"):
        for picture in CORPUS[part]:
            assert pairs(picture.scene) - seen
            for kind, quality in pairs(picture.scene):
                assert any(kind == k for k, _ in seen) and any(quality == q for _, q in seen)
        unseen[part] = set().union(*(pairs(p.scene) for p in CORPUS[part])) - seen
    assert not unseen["valid"] & unseen["test"]


def test_more_scenes_keep_from_training_what_the_corpus_keeps():
    more = list(training_scenes(2000))
    kept = [set().union(*(pairs(p.scene) for p in CORPUS[part])) for part in ("valid", "test")]
    kept = set().union(*kept) - set().union(*(pairs(p.scene) for p in CORPUS["train"]))
    assert kept and not kept & set().union(*map(pairs, more))
    assert len(set(more)) == 2000


@pytest.mark.parametrize(("language", "words"), [("en", {"the", "a"}), ("de", {"der", "ein"})])
def test_files(tmp_path, monkeypatch, language, words):
    monkeypatch.setattr(module, "SIZE", {"train": 8, "valid": 2, "test": 2})
    folder = tmp_path / "scenes"
    write_pictures(folder, language, seed=3)
    lines = [json.loads(x) for x in (folder / "captions.jsonl").read_text("utf-8").splitlines()]
    assert [line["split"] for line in lines] == ["train"] * 8 + ["valid"] * 2 + ["test"] * 2
    made = pictures(3)
    for line, picture in zip(lines, [*made["train"], *made["valid"], *made["test"]], strict=True):
        with Image.open(folder / "images" / line["image"]) as image:
            assert image.tobytes() == picture.image().tobytes()
        assert line["captions"] == picture.captions(language)
    assert words & set(" ".join(c for line in lines for c in line["captions"]).lower().split())
    assert len(list((folder / "images").iterdir())) == 12


def test_an_unknown_language_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match="language: is 'fr'; choose from en, de"):
        write_pictures(tmp_path / "x", "fr")
    assert not list(tmp_path.iterdir())
