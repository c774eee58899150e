import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """The folder of a real data set below $SEQGEN_DATA; without it the test is skipped."""

    def find(name: str) -> Path:
        root = os.environ.get("SEQGEN_DATA")
        if not root:
            pytest.skip("needs real data: set SEQGEN_DATA to a folder of data sets")
        folder = Path(root) / name
        if not folder.is_dir():
            pytest.skip(f"needs real data: {folder} is not there")
        return folder

    return find
