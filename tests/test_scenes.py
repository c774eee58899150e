from pathlib import Path

import pytest

from seqgen.scenes.corpus import SIZE, generate, pairs, write
from seqgen.scenes.english import english, told_with_roles
from seqgen.scenes.german import german
from seqgen.scenes.world import Scene, Thing
from seqgen.scoring.tags import spans

ASSETS = Path(__file__).parent.parent / "assets" / "scenes"


def a(kind, colour="red", size=None, count=1, named=True):
    return Thing(kind, colour, size, count, definite=False, named_colour=named)


def the(kind, colour="red", size=None, count=1, named=True):
    return Thing(kind, colour, size, count, definite=True, named_colour=named)


def there(subject, relation, landmark):
    return Scene("located", subject, relation=relation, landmark=landmark)


# Written by hand: gender x case x article x number, every pattern, every kind of verb.
TOLD = [
    (there(a("dog"), "left", a("ball")), "A red dog is to the left of a red ball.", "Ein roter Hund ist links von einem roten Ball."),
    (there(a("cat"), "right", a("box")), "A red cat is to the right of a red box.", "Eine rote Katze ist rechts von einer roten Kiste."),
    (there(a("horse"), "above", a("car")), "A red horse is above a red car.", "Ein rotes Pferd ist über einem roten Auto."),
    (there(the("dog"), "below", the("star")), "The red dog is below the red star.", "Der rote Hund ist unter dem roten Stern."),
    (there(the("cat"), "behind", the("lamp")), "The red cat is behind the red lamp.", "Die rote Katze ist hinter der roten Lampe."),
    (there(the("house"), "before", the("boat")), "The red house is in front of the red boat.", "Das rote Haus ist vor dem roten Boot."),
    (there(a("bird", count=2), "beside", a("tree", count=3)), "Two red birds are next to three red trees.", "Zwei rote Vögel sind neben drei roten Bäumen."),
    (there(the("fish", count=3), "beside", the("flower", count=2)), "The three red fish are next to the two red flowers.", "Die drei roten Fische sind neben den zwei roten Blumen."),
    (there(the("box", count=2), "left", the("car", count=3)), "The two red boxes are to the left of the three red cars.", "Die zwei roten Kisten sind links von den drei roten Autos."),
    (there(the("cube", named=False), "above", a("house", count=2)), "The cube is above two red houses.", "Der Würfel ist über zwei roten Häusern."),
    (there(a("ball", "white", "tiny"), "beside", a("lamp", "grey", "huge")), "A tiny white ball is next to a huge grey lamp.", "Ein winziger weißer Ball ist neben einer riesigen grauen Lampe."),
    (there(a("ball", size="big", named=False), "above", the("horse", "brown", "big")), "A big ball is above the big brown horse.", "Ein großer Ball ist über dem großen braunen Pferd."),
    (Scene("exists", a("dog", "black"), relation="behind", landmark=the("house", named=False)), "There is a black dog behind the house.", "Hinter dem Haus ist ein schwarzer Hund."),
    (Scene("exists", a("star", "yellow", count=3), relation="above", landmark=a("boat")), "There are three yellow stars above a red boat.", "Über einem roten Boot sind drei gelbe Sterne."),
    (Scene("does", a("cat"), "sleep", relation="before", landmark=the("tree", "green")), "A red cat sleeps in front of the green tree.", "Vor dem grünen Baum schläft eine rote Katze."),
    (Scene("does", the("horse", count=2), "run", relation="beside", landmark=a("car")), "The two red horses run next to a red car.", "Die zwei roten Pferde laufen neben einem roten Auto."),
    (Scene("acts", the("dog"), "chase", a("cat", "white")), "The red dog chases a white cat.", "Der rote Hund jagt eine weiße Katze."),
    (Scene("acts", a("cat"), "carry", a("ball", "blue")), "A red cat carries a blue ball.", "Eine rote Katze trägt einen blauen Ball."),
    (Scene("acts", a("horse"), "push", a("car", "blue")), "A red horse pushes a blue car.", "Ein rotes Pferd schiebt ein blaues Auto."),
    (Scene("acts", the("bird"), "see", the("dog", "blue")), "The red bird sees the blue dog.", "Der rote Vogel sieht den blauen Hund."),
    (Scene("acts", the("bird"), "find", the("boat", "blue", count=2)), "The red bird finds the two blue boats.", "Der rote Vogel findet die zwei blauen Boote."),
    (Scene("acts", the("cat"), "help", a("dog", "blue", count=2)), "The red cat helps two blue dogs.", "Die rote Katze hilft zwei blauen Hunden."),
    (Scene("acts", the("cat"), "follow", the("bird", "blue")), "The red cat follows the blue bird.", "Die rote Katze folgt dem blauen Vogel."),
    (Scene("acts", the("cat"), "watch", a("star", "blue", count=2)), "The red cat looks at two blue stars.", "Die rote Katze schaut zwei blaue Sterne an."),
    (Scene("acts_there", a("dog", count=2), "lift", the("cube", "blue"), "left", the("house", named=False)), "To the left of the house, two red dogs pick up the blue cube.", "Links von dem Haus heben zwei rote Hunde den blauen Würfel auf."),
    (Scene("wants", the("fish"), "watch", the("lamp", "green")), "The red fish wants to look at the green lamp.", "Der rote Fisch will die grüne Lampe anschauen."),
    (Scene("wants", the("fish", count=2), "help", the("horse", "green")), "The two red fish want to help the green horse.", "Die zwei roten Fische wollen dem grünen Pferd helfen."),
    (Scene("has_done", the("dog"), "lift", a("box", "green")), "The red dog has picked up a green box.", "Der rote Hund hat eine grüne Kiste aufgehoben."),
    (Scene("has_done", a("cat", count=3), "follow", a("dog", "green")), "Three red cats have followed a green dog.", "Drei rote Katzen sind einem grünen Hund gefolgt."),
    (Scene("is_coloured", the("cat", "grey", named=False), "wait", relation="behind", landmark=a("box")), "The cat that waits behind a red box is grey.", "Die Katze, die hinter einer roten Kiste wartet, ist grau."),
    (Scene("which_acts", the("bird"), "lift", a("ball", "blue"), "before", the("house", named=False)), "The red bird that picks up a blue ball is in front of the house.", "Der rote Vogel, der einen blauen Ball aufhebt, ist vor dem Haus."),
    (Scene("which_acts", the("dog", count=2), "see", the("horse", "blue"), "beside", the("car", named=False)), "The two red dogs that see the blue horse are next to the car.", "Die zwei roten Hunde, die das blaue Pferd sehen, sind neben dem Auto."),
    (Scene("while", the("dog"), "sleep", other=a("horse", "white", count=2), other_action="dance"), "While the red dog sleeps, two white horses dance.", "Während der rote Hund schläft, tanzen zwei weiße Pferde."),
]  # fmt: skip


@pytest.mark.parametrize(("scene", "in_english", "in_german"), TOLD, ids=lambda x: None)
def test_is_told_rightly_in_both_languages(scene, in_english, in_german):
    assert english(scene) == in_english
    assert german(scene) == in_german


def test_parts_are_distinct_and_tests_ask_for_what_training_never_had():
    parts = generate()
    assert {part: len(scenes) for part, scenes in parts.items()} == SIZE
    told = [english(scene) for scenes in parts.values() for scene in scenes]
    assert len(set(told)) == len(told)
    seen = set().union(*(pairs(scene) for scene in parts["train"]))
    for part in ("valid", "test"):
        for scene in parts[part]:
            assert pairs(scene) - seen
            for kind, quality in pairs(scene):
                assert any(kind == k for k, _ in seen) and any(quality == q for _, q in seen)
    unseen = [set().union(*map(pairs, parts[part])) - seen for part in ("valid", "test")]
    assert not unseen[0] & unseen[1]


def test_the_files_shipped_are_what_the_generator_writes(tmp_path):
    write(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (ASSETS / path.name).read_bytes()


def test_one_language_follows_from_the_other():
    by_english = {english(s): german(s) for scenes in generate(2).values() for s in scenes}
    assert len(set(by_english.values())) == len(by_english)


def test_words_are_told_with_their_part_in_the_scene():
    """The same sentence, and what the scene itself says stands in the span of its part."""
    for scene in generate()["valid"]:
        words, tags = zip(*told_with_roles(scene), strict=True)
        assert " ".join(words).replace(" ,", ",").replace(" .", ".") == english(scene)
        found = {(span.kind, " ".join(words[span.begin : span.end])) for span in spans(tags)}
        kinds = {kind for kind, _ in found}
        assert ("action" in kinds) == (scene.action is not None)
        assert ("object" in kinds) == (scene.object is not None)
        assert ("place" in kinds) == (scene.landmark is not None)
        assert ("colour" in kinds) == (scene.pattern == "is_coloured")
        for thing, kind in ((scene.subject, "subject"), (scene.object, "object")):
            if thing is not None:
                assert any(thing.kind[:2] in told for role, told in found if role == kind)
        assert len([1 for role, _ in found if role == "subject"]) == 1 + (scene.other is not None)


def test_parts_by_hand():
    scene = Scene("acts_there", the("cat"), "lift", a("box"), "beside", a("tree"))
    assert " ".join(f"{word}/{tag}" for word, tag in told_with_roles(scene)) == (
        "Next/B-place to/I-place a/I-place red/I-place tree/I-place ,/O the/B-subject "
        "red/I-subject cat/I-subject picks/B-action up/I-action a/B-object red/I-object "
        "box/I-object ./O"
    )
