import threading

import pytest

from seqgen.training.loader import prefetched


def test_gives_everything_in_order_and_ends_its_thread():
    before = threading.active_count()
    with prefetched(lambda i: i * i, range(50)) as items:
        assert list(items) == [i * i for i in range(50)]
    assert threading.active_count() == before


def test_leaving_early_ends_the_thread():
    before = threading.active_count()
    with prefetched(lambda i: i, range(10**9)) as items:
        assert next(items) == 0
    assert threading.active_count() == before


def test_an_error_is_raised_in_its_place():
    with prefetched(lambda i: 1 // (2 - i), range(5)) as items:
        assert [next(items), next(items)] == [0, 1]
        with pytest.raises(ZeroDivisionError):
            next(items)
