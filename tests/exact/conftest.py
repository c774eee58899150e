import pytest
from effort import COUNTS


@pytest.fixture(autouse=True)
def counted(record_property):
    """What a test counts goes into its report, which the end of a run has from any process."""
    COUNTS.clear()
    yield
    for name, number in COUNTS.items():
        record_property(f"exact: {name}", number)
