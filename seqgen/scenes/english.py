"""Scenes told in English."""

from __future__ import annotations

from seqgen.scenes.world import Scene, Thing

_PLURALS = {"fish": "fish", "box": "boxes"}
_NUMBERS = {2: "two", 3: "three"}
_PLACES = {
    "left": "to the left of",
    "right": "to the right of",
    "above": "above",
    "below": "below",
    "behind": "behind",
    "before": "in front of",
    "beside": "next to",
}
_VERBS = {  # base, third person, participle
    "sleep": ("sleep", "sleeps", "slept"),
    "sit": ("sit", "sits", "sat"),
    "run": ("run", "runs", "run"),
    "jump": ("jump", "jumps", "jumped"),
    "wait": ("wait", "waits", "waited"),
    "dance": ("dance", "dances", "danced"),
    "chase": ("chase", "chases", "chased"),
    "carry": ("carry", "carries", "carried"),
    "push": ("push", "pushes", "pushed"),
    "see": ("see", "sees", "seen"),
    "find": ("find", "finds", "found"),
    "follow": ("follow", "follows", "followed"),
    "help": ("help", "helps", "helped"),
    "watch": ("look at", "looks at", "looked at"),
    "lift": ("pick up", "picks up", "picked up"),
}


Part = tuple[str, str]  # words, and what they have to do with the scene; "" is nothing


def english(scene: Scene) -> str:
    """The one English sentence of ``scene``."""
    sentence = " ".join(words for words, _ in _parts(scene)).replace(" ,", ",")
    return sentence[0].upper() + sentence[1:] + "."


def told_with_roles(scene: Scene) -> list[tuple[str, str]]:
    """The words of ``english``, each with its part in the scene; signs are words too.

    The parts are spans, marked B- at the first word and I- at the others: ``subject``, ``action``,
    ``object``, ``place`` (where the subject is) and ``colour`` (where that is what is told of
    it). The rest is O.
    """
    found: list[tuple[str, str]] = []
    for words, role in [*_parts(scene), (".", "")]:
        for place, word in enumerate(words.split()):
            shown = word if found else word[0].upper() + word[1:]
            found.append((shown, f"{'I' if place else 'B'}-{role}" if role else "O"))
    return found


def _parts(scene: Scene) -> list[Part]:
    """The sentence of ``scene`` in pieces, uncapitalised and without its full stop."""
    who, many = (_phrase(scene.subject), "subject"), scene.subject.count > 1
    what = [(_phrase(scene.object), "object")] if scene.object else []
    there = ("", "place")
    if scene.relation and scene.landmark:
        there = (f"{_PLACES[scene.relation]} {_phrase(scene.landmark)}", "place")
    base, third, participle = _VERBS[scene.action] if scene.action else ("be", "is", "been")
    verb = (base if many else third, "action")
    be = ("are" if many else "is", "")
    that = ("that", "")
    if scene.pattern == "exists":
        return [("there", ""), be, who, there]
    if scene.pattern == "located":
        return [who, be, there]
    if scene.pattern == "does":
        return [who, verb, there]
    if scene.pattern == "acts":
        return [who, verb, *what]
    if scene.pattern == "acts_there":
        return [there, (",", ""), who, verb, *what]
    if scene.pattern == "wants":
        return [who, (f"{'want' if many else 'wants'} to", ""), (base, "action"), *what]
    if scene.pattern == "has_done":
        return [who, ("have" if many else "has", ""), (participle, "action"), *what]
    if scene.pattern == "is_coloured":
        return [who, that, verb, there, be, (scene.subject.colour, "colour")]
    if scene.pattern == "which_acts":
        return [who, that, verb, *what, be, there]
    return [("while", ""), who, verb, (",", ""), *_clause(scene)]


def _clause(scene: Scene) -> list[Part]:
    if scene.other is None or scene.other_action is None:
        raise ValueError("'while' needs somebody else who does something")
    base, third, _ = _VERBS[scene.other_action]
    return [
        (_phrase(scene.other), "subject"),
        (base if scene.other.count > 1 else third, "action"),
    ]


def _phrase(thing: Thing) -> str:
    """Article or number, adjectives, noun."""
    described = [thing.size] if thing.size else []
    described += [thing.colour] if thing.named_colour else []
    noun = thing.kind if thing.count == 1 else _PLURALS.get(thing.kind, f"{thing.kind}s")
    words = [*described, noun]
    if thing.count > 1:
        words.insert(0, _NUMBERS[thing.count])
    elif not thing.definite:
        words.insert(0, "an" if words[0][0] in "aeiou" else "a")
    return " ".join((["the"] if thing.definite else []) + words)
