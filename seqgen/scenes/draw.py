"""Scenes drawn: whatever a picture can show of a sentence can be told from the picture.

What it cannot show is the article, whether the colour is told, tense, and wishes: "wants to
chase", "has chased" and "chases" are one picture. Who does something to somebody stands with
them where the relation says.
"""

from __future__ import annotations

import random

from PIL import Image, ImageDraw

from seqgen.scenes import marks
from seqgen.scenes.groups import STANDING, Group, Pose, gather, together
from seqgen.scenes.world import DOINGS, Scene, Thing

SIDE = 64.0  # units across
_MARGIN = 1.5
_FINER = 4  # drawn this many times as large, then made small: smooth edges
_POSES = {
    "sleep": Pose(flat=0.6, asleep=True),
    "sit": Pose(lean=38),
    "run": Pose(lean=-8),
    "jump": Pose(lean=18),
    "dance": Pose(lean=24),
    "push": Pose(lean=-10),
    "lift": Pose(lean=20),
}


def draw(scene: Scene, seed: int, size: int = 64) -> Image.Image:
    """A picture of ``scene``.

    Args:
        scene: of any pattern.
        seed: of what the scene leaves open: exact places and sizes, which way one looks, on
            which side of each other two are, and the paper.
        size: pixels across and down.

    Returns:
        A square RGB image.
    """
    chance = random.Random(seed)
    group = _doing(scene.subject, scene.action, scene.object, chance)
    if scene.relation and scene.landmark:
        group = _placed(group, scene.relation, gather(scene.landmark, chance), chance)
    if scene.other:
        second = _doing(scene.other, scene.other_action, None, chance)
        pair = (group, second) if chance.random() < 0.5 else (second, group)
        group = _apart(*pair, 5, chance)
    return _painted(_fitted(group, chance), size, chance)


def _doing(thing: Thing, action: str | None, object_: Thing | None, chance: random.Random) -> Group:
    """Somebody, what they do, and what they do it to."""
    who = gather(thing, chance, _POSES.get(action or "", STANDING))
    if object_ is not None and action is not None:
        group = _deed(who, action, gather(object_, chance))
    else:
        group = who if action is None else _marked(who, action)
    return group if chance.random() < 0.5 else group.flipped()


def _marked(who: Group, action: str) -> Group:
    """Somebody with the sign of a doing."""
    left, top, right, bottom = who.box
    if action == "sleep":
        return who + marks.sleeping(right - 4, top - 0.5)
    if action == "sit":
        return marks.sitting(left + 1, right - 1, bottom) + who
    if action == "run":
        return marks.speeding(left - 1, top, bottom) + who
    if action == "jump":
        return marks.jumping(left, right, bottom) + who
    if action == "dance":
        return who + marks.dancing(right - 4, top - 1)
    if action == "wait":
        return who + marks.waiting((left + right) / 2, top - 3.6)
    raise ValueError(f"nobody {action}s alone; there are {', '.join(DOINGS)}")


def _deed(who: Group, action: str, what: Group) -> Group:
    """Somebody, on the left, who does something to somebody."""
    left, top, right, _ = who.box
    wide, high = what.box[2] - what.box[0], what.box[3] - what.box[1]
    if action in ("carry", "lift"):
        gap = 0.5 if action == "carry" else -5.0
        low = top + (0.12 * (who.box[3] - top) if action == "carry" else gap)
        what = what.moved((left + right) / 2 - what.middle[0], low - what.box[3])
        if action == "carry":
            return who + what
        x, y = (left + right) / 2, low + 0.5
        arms = (x - wide / 2 - 2.5, x + wide / 2 + 2.5)
        ups = (marks.arrow((a, y + 4), (a, y - 5), marks.VIOLET) for a in arms)
        return together((who, what, *ups))
    gap = {"push": -0.5, "help": 0.5, "chase": 7, "follow": 9}.get(action, 11)
    what = what.moved(right + gap - what.box[0], 0)
    x, y = what.middle
    eye = (right + 0.5, top + 0.3 * (who.box[3] - top))
    if action == "chase":
        sped = marks.speeding(what.box[0] - 1, what.box[1], what.box[3])
        return marks.speeding(left - 1, top, who.box[3]) + who + sped + what
    if action == "follow":
        return who + what + marks.footprints(left, what.box[2], 1.8)
    if action == "push":
        return who + what + marks.arrow((x - wide / 4, 3), (x + wide / 4 + 4, 3), marks.BLUE)
    if action == "help":
        return who + what + marks.heart((right + what.box[0]) / 2, min(top, what.box[1]) - 3.5)
    if action == "see":
        return who + what + marks.glance(eye, (what.box[0] - 0.5, y))
    if action == "watch":
        beam = marks.gaze(eye, (what.box[0], what.box[1]), (what.box[0], what.box[3]))
        return beam + who + what
    if action == "find":
        rays = marks.shining(x, y, wide / 2, high / 2)
        return rays + who + what + marks.finding((left + right) / 2, top - 1)
    raise ValueError(f"nobody {action}s anybody")


def _placed(who: Group, relation: str, mark: Group, chance: random.Random) -> Group:
    """``who`` where the relation says, seen from ``mark``."""
    across = mark.middle[0] - who.middle[0] + 3 * (chance.random() - 0.5)
    if relation == "left":
        return _apart(who, mark, 8, chance)
    if relation == "right":
        return _apart(mark, who, 8, chance)
    if relation == "beside":  # close together, on one piece of ground
        pair = (who, mark) if chance.random() < 0.5 else (mark, who)
        both = _apart(*pair, 0.5, chance)
        left, _, right, bottom = both.box
        ground = marks.line((left, bottom + 1), (right, bottom + 1), colour=(120, 170, 80), width=2)
        return Group((ground,)) + both
    if relation == "above":
        return mark + who.moved(across, mark.box[1] - who.box[3] - 4)
    if relation == "below":
        return mark + who.moved(across, mark.box[3] - who.box[1] + 4)
    # The narrower of the two is covered to its middle.
    aside = max(box[2] - box[0] for box in (who.box, mark.box)) / 2
    aside = mark.middle[0] - who.middle[0] + (aside if chance.random() < 0.5 else -aside)
    shift = 0.42 * min(who.box[3] - who.box[1], mark.box[3] - mark.box[1])
    if relation == "behind":
        return who.moved(aside, mark.box[3] - who.box[3] - shift) + mark
    if relation == "before":
        return mark + who.moved(aside, mark.box[3] - who.box[3] + shift)
    raise ValueError(f"there is no relation {relation}")


def _apart(first: Group, second: Group, gap: float, chance: random.Random) -> Group:
    """The second to the right of the first, on about the same ground."""
    across = first.box[2] + gap - second.box[0]
    return first + second.moved(across, 2 * (chance.random() - 0.5))


def _fitted(group: Group, chance: random.Random) -> Group:
    """Somewhere on the paper; made smaller only if it does not fit."""
    left, top, right, bottom = group.box
    room = SIDE - 2 * _MARGIN
    factor = min(1.0, room / (right - left), room / (bottom - top))
    group = group.moved(-left, -top).scaled(factor)
    spare = (room - factor * (right - left), room - factor * (bottom - top))
    x, y = (_MARGIN + free * (0.2 + 0.6 * chance.random()) for free in spare)
    return group.moved(x, y)


def _painted(group: Group, size: int, chance: random.Random) -> Image.Image:
    """The strokes in their order on light paper."""
    large = size * _FINER
    unit = large / SIDE
    paper = tuple(232 + int(16 * chance.random()) for _ in range(3))
    image = Image.new("RGB", (large, large), paper)
    pen = ImageDraw.Draw(image)
    edge = max(1, round(0.55 * unit))
    for stroke in group.strokes:
        points = [(x * unit, y * unit) for x, y in stroke.points]
        if stroke.width is None:
            pen.polygon(points, fill=stroke.colour, outline=stroke.edge, width=edge)
        else:
            wide = max(1, round(stroke.width * unit))
            pen.line(points, fill=stroke.colour, width=wide, joint="curve")
    return image.resize((size, size), Image.Resampling.BOX)
