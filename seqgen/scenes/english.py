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


def english(scene: Scene) -> str:
    """The one English sentence of ``scene``."""
    sentence = _sentence(scene)
    return sentence[0].upper() + sentence[1:] + "."


def _sentence(scene: Scene) -> str:
    who, many = _phrase(scene.subject), scene.subject.count > 1
    what = f" {_phrase(scene.object)}" if scene.object else ""
    there = ""
    if scene.relation and scene.landmark:
        there = f"{_PLACES[scene.relation]} {_phrase(scene.landmark)}"
    base, third, participle = _VERBS[scene.action] if scene.action else ("be", "is", "been")
    verb = base if many else third
    be = "are" if many else "is"
    if scene.pattern == "exists":
        return f"there {be} {who} {there}"
    if scene.pattern == "located":
        return f"{who} {be} {there}"
    if scene.pattern == "does":
        return f"{who} {verb} {there}"
    if scene.pattern == "acts":
        return f"{who} {verb}{what}"
    if scene.pattern == "acts_there":
        return f"{there}, {who} {verb}{what}"
    if scene.pattern == "wants":
        return f"{who} {'want' if many else 'wants'} to {base}{what}"
    if scene.pattern == "has_done":
        return f"{who} {'have' if many else 'has'} {participle}{what}"
    if scene.pattern == "is_coloured":
        return f"{who} that {verb} {there} {be} {scene.subject.colour}"
    if scene.pattern == "which_acts":
        return f"{who} that {verb}{what} {be} {there}"
    return f"while {who} {verb}, {_clause(scene)}"


def _clause(scene: Scene) -> str:
    if scene.other is None or scene.other_action is None:
        raise ValueError("'while' needs somebody else who does something")
    base, third, _ = _VERBS[scene.other_action]
    return f"{_phrase(scene.other)} {base if scene.other.count > 1 else third}"


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
