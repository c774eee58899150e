"""Damage to files: what a disk, a cut connection or a hand in an editor does, and worse."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

_BYTES = (b"\0", b"\xff", b"\n", b"\t", b'"', b"{", b"\x7f\xff\xff\xff", b"\xed\xa0\x80", b"-1")
_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 3, 2**31, 2**63, 10**400, 1.5, 1e308, float("nan"), float("inf"), "", "a",
    "../../x", "\ud800", [], {}, [[]], {"a": 1}, ["a"], "x" * 1000,
)  # fmt: skip


def mutated(data: bytes, chance: random.Random, is_json: bool = False) -> bytes:
    """``data`` with one to four changes."""
    if is_json and chance.random() < 0.7:
        return json.dumps(_edited(json.loads(data), chance)).encode()
    for _ in range(chance.randint(1, 4)):
        data = chance.choice((_flipped, _cut, _inserted, _spliced, _deleted, _repeated))(
            data or b"a", chance
        )
    return data


def _place(data: bytes, chance: random.Random) -> int:
    """Often near the beginning, where headers are."""
    return chance.randrange(min(len(data), chance.choice((16, 256, len(data)))))


def _flipped(data: bytes, chance: random.Random) -> bytes:
    place = _place(data, chance)
    byte = (
        data[place] ^ (1 << chance.randrange(8)) if chance.random() < 0.5 else chance.randrange(256)
    )
    return data[:place] + bytes([byte]) + data[place + 1 :]


def _cut(data: bytes, chance: random.Random) -> bytes:
    return (
        data[: chance.randrange(len(data))]
        if chance.random() < 0.5
        else data[: -chance.randint(1, 9)]
    )


def _inserted(data: bytes, chance: random.Random) -> bytes:
    place = _place(data, chance)
    new = (
        chance.choice(_BYTES) if chance.random() < 0.7 else chance.randbytes(chance.randint(1, 20))
    )
    return data[:place] + new + data[place:]


def _spliced(data: bytes, chance: random.Random) -> bytes:
    begin, place = _place(data, chance), _place(data, chance)
    part = data[begin : begin + chance.randint(1, 40)]
    return data[:place] + part + data[place + len(part) :]


def _deleted(data: bytes, chance: random.Random) -> bytes:
    place = _place(data, chance)
    return data[:place] + data[place + chance.randint(1, 40) :]


def _repeated(data: bytes, chance: random.Random) -> bytes:
    place = _place(data, chance)
    part = data[place : place + chance.randint(1, 40)]
    return data[:place] + part * chance.randint(2, 50) + data[place:]


def _edited(values: Any, chance: random.Random) -> Any:
    """JSON with one value another, gone, or there under another name."""
    values = copy.deepcopy(values)
    owner, key = None, None
    node = values
    while isinstance(node, (dict, list)) and node and (owner is None or chance.random() < 0.8):
        owner = node
        key = chance.choice(list(node)) if isinstance(node, dict) else chance.randrange(len(node))
        node = node[key]
    what = chance.random()
    if owner is None or what < 0.05:
        return chance.choice(_VALUES)
    if what < 0.2:
        del owner[key]
    elif what < 0.3 and isinstance(owner, dict):
        owner[chance.choice(("a", "", str(key) + "s"))] = owner.pop(key)
    elif what < 0.4 and isinstance(owner, list):
        owner.append(owner[key])
    else:
        owner[key] = chance.choice(_VALUES)
    return values
