"""Whatever a file holds, its reader reads it or says in one line what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from effort import COUNTS, pick
from fuzz import READERS

COUNT = pick(60, 1000)


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_read_or_refused(warm, tiny_bundle, tmp_path, name):
    """In a process of its own: native code may crash, and its memory and time are limited."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from pathlib import Path\nfrom fuzz import fuzz\n"
        f"fuzz({name!r}, 0, {COUNT}, Path({str(tmp_path)!r}), Path({str(tiny_bundle)!r}))\n"
    )
    child = warm.start(code=code)
    assert child.wait(600) == 0, "\n".join(child.errors.splitlines()[-30:])
    assert int(child.output) < COUNT
    COUNTS[f"damaged files of kind {name}"] += COUNT
