"""Scenes told in German: genders, cases, adjective endings, and the verb where it belongs."""

from __future__ import annotations

from typing import Literal, NamedTuple

from seqgen.scenes.world import Scene, Thing

Case = Literal["nominative", "accusative", "dative"]
Gender = Literal["m", "f", "n", "plural"]


class _Noun(NamedTuple):
    gender: Gender
    singular: str
    plural: str


class _Verb(NamedTuple):
    third: str  # er ...
    plural: str  # sie ...
    infinitive: str
    participle: str
    prefix: str = ""  # stands at the end of a main clause
    case: Case = "accusative"  # of its object
    auxiliary: tuple[str, str] = ("hat", "haben")


_NOUNS = {
    "dog": _Noun("m", "Hund", "Hunde"),
    "cat": _Noun("f", "Katze", "Katzen"),
    "bird": _Noun("m", "Vogel", "Vögel"),
    "horse": _Noun("n", "Pferd", "Pferde"),
    "fish": _Noun("m", "Fisch", "Fische"),
    "ball": _Noun("m", "Ball", "Bälle"),
    "cube": _Noun("m", "Würfel", "Würfel"),
    "star": _Noun("m", "Stern", "Sterne"),
    "tree": _Noun("m", "Baum", "Bäume"),
    "flower": _Noun("f", "Blume", "Blumen"),
    "box": _Noun("f", "Kiste", "Kisten"),
    "lamp": _Noun("f", "Lampe", "Lampen"),
    "house": _Noun("n", "Haus", "Häuser"),
    "car": _Noun("n", "Auto", "Autos"),
    "boat": _Noun("n", "Boot", "Boote"),
}
_ADJECTIVES = {
    "red": "rot",
    "blue": "blau",
    "green": "grün",
    "yellow": "gelb",
    "black": "schwarz",
    "white": "weiß",
    "brown": "braun",
    "grey": "grau",
    "small": "klein",
    "big": "groß",
    "tiny": "winzig",
    "huge": "riesig",
}
_NUMBERS = {2: "zwei", 3: "drei"}
_PLACES = {
    "left": "links von",
    "right": "rechts von",
    "above": "über",
    "below": "unter",
    "behind": "hinter",
    "before": "vor",
    "beside": "neben",
}
_VERBS = {
    "sleep": _Verb("schläft", "schlafen", "schlafen", "geschlafen"),
    "sit": _Verb("sitzt", "sitzen", "sitzen", "gesessen"),
    "run": _Verb("läuft", "laufen", "laufen", "gelaufen", auxiliary=("ist", "sind")),
    "jump": _Verb("springt", "springen", "springen", "gesprungen", auxiliary=("ist", "sind")),
    "wait": _Verb("wartet", "warten", "warten", "gewartet"),
    "dance": _Verb("tanzt", "tanzen", "tanzen", "getanzt"),
    "chase": _Verb("jagt", "jagen", "jagen", "gejagt"),
    "carry": _Verb("trägt", "tragen", "tragen", "getragen"),
    "push": _Verb("schiebt", "schieben", "schieben", "geschoben"),
    "see": _Verb("sieht", "sehen", "sehen", "gesehen"),
    "find": _Verb("findet", "finden", "finden", "gefunden"),
    "follow": _Verb(
        "folgt", "folgen", "folgen", "gefolgt", case="dative", auxiliary=("ist", "sind")
    ),
    "help": _Verb("hilft", "helfen", "helfen", "geholfen", case="dative"),
    "watch": _Verb("schaut", "schauen", "anschauen", "angeschaut", prefix="an"),
    "lift": _Verb("hebt", "heben", "aufheben", "aufgehoben", prefix="auf"),
}
_DEFINITE: dict[Case, dict[Gender, str]] = {
    "nominative": {"m": "der", "f": "die", "n": "das", "plural": "die"},
    "accusative": {"m": "den", "f": "die", "n": "das", "plural": "die"},
    "dative": {"m": "dem", "f": "der", "n": "dem", "plural": "den"},
}
_INDEFINITE: dict[Case, dict[Gender, str]] = {
    "nominative": {"m": "ein", "f": "eine", "n": "ein"},
    "accusative": {"m": "einen", "f": "eine", "n": "ein"},
    "dative": {"m": "einem", "f": "einer", "n": "einem"},
}
# Endings after a definite article, after "ein", and (plural) after a bare number.
_WEAK: dict[Case, dict[Gender, str]] = {
    "nominative": {"m": "e", "f": "e", "n": "e", "plural": "en"},
    "accusative": {"m": "en", "f": "e", "n": "e", "plural": "en"},
    "dative": {"m": "en", "f": "en", "n": "en", "plural": "en"},
}
_MIXED: dict[Case, dict[Gender, str]] = {
    "nominative": {"m": "er", "f": "e", "n": "es", "plural": "e"},
    "accusative": {"m": "en", "f": "e", "n": "es", "plural": "e"},
    "dative": {"m": "en", "f": "en", "n": "en", "plural": "en"},
}


def german(scene: Scene) -> str:
    """The one German sentence of ``scene``."""
    sentence = _sentence(scene)
    return sentence[0].upper() + sentence[1:] + "."


def _sentence(scene: Scene) -> str:
    subject, many = scene.subject, scene.subject.count > 1
    who = _phrase(subject, "nominative")
    verb = _VERBS[scene.action] if scene.action else None
    what = _phrase(scene.object, verb.case) if scene.object and verb else ""
    there = ""
    if scene.relation and scene.landmark:
        there = f"{_PLACES[scene.relation]} {_phrase(scene.landmark, 'dative')}"
    be = "sind" if many else "ist"
    if scene.pattern == "exists":
        return _words(there, be, who)
    if scene.pattern == "located":
        return _words(who, be, there)
    if verb is None:
        raise ValueError(f"'{scene.pattern}' needs an action")
    finite = verb.plural if many else verb.third
    if scene.pattern == "does":  # what is new stands at the end, the place goes to the front
        return _words(who, finite, there) if subject.definite else _words(there, finite, who)
    if scene.pattern == "acts":
        return _words(who, finite, what, verb.prefix)
    if scene.pattern == "acts_there":
        return _words(there, finite, who, what, verb.prefix)
    if scene.pattern == "wants":
        return _words(who, "wollen" if many else "will", what, verb.infinitive)
    if scene.pattern == "has_done":
        return _words(who, verb.auxiliary[many], what, verb.participle)
    which = _DEFINITE["nominative"][_gender(subject)]  # relative pronouns look like articles here
    last = f"{verb.prefix}{finite}"  # in a subordinate clause the prefix stays
    if scene.pattern == "is_coloured":
        clause = _words(which, there, last)
        return f"{who}, {clause}, {be} {_ADJECTIVES[subject.colour]}"
    if scene.pattern == "which_acts":
        return f"{who}, {_words(which, what, last)}, {be} {there}"
    if scene.other is None or scene.other_action is None:
        raise ValueError("'while' needs somebody else who does something")
    second = _VERBS[scene.other_action]
    does = second.plural if scene.other.count > 1 else second.third
    return f"während {who} {last}, {does} {_phrase(scene.other, 'nominative')}"


def _words(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _gender(thing: Thing) -> Gender:
    return "plural" if thing.count > 1 else _NOUNS[thing.kind].gender


def _phrase(thing: Thing, case: Case) -> str:
    """Article or number, adjectives with their endings, noun."""
    gender = _gender(thing)
    endings = _WEAK if thing.definite else _MIXED
    told = [thing.size] if thing.size else []
    told += [thing.colour] if thing.named_colour else []
    words = [_ADJECTIVES[adjective] + endings[case][gender] for adjective in told]
    if thing.count > 1:
        words.insert(0, _NUMBERS[thing.count])
    if thing.definite:
        words.insert(0, _DEFINITE[case][gender])
    elif thing.count == 1:
        words.insert(0, _INDEFINITE[case][gender])
    return " ".join([*words, _noun(thing, case)])


def _noun(thing: Thing, case: Case) -> str:
    noun = _NOUNS[thing.kind]
    if thing.count == 1:
        return noun.singular
    ends = noun.plural.endswith(("n", "s"))
    return noun.plural if case != "dative" or ends else f"{noun.plural}n"
