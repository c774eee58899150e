import pytest

from seqgen.errors import UserError
from seqgen.parts import arguments, make
from seqgen.plugins import name_of


class Own:
    def __init__(self, target, limit: int = 3, sizes=()):
        self.target, self.limit, self.sizes = target, limit, sizes


def measure(outputs, references, scale=1):
    return scale * len(outputs)


def test_a_class_is_called_with_options_and_with_what_it_asks_for():
    own = make("processor", name_of(Own), {"sizes": (1, 2)}, target="t", other=3)
    assert (own.target, own.limit, own.sizes) == ("t", 3, [1, 2])  # as JSON gives it back


def test_a_function_is_itself_or_has_its_options_filled_in():
    assert make("metric", name_of(measure), {}) is measure
    assert make("metric", name_of(measure), {"scale": 5})(["a"], [["b"]]) == 5


@pytest.mark.parametrize(
    ("part", "options", "message"),
    [
        (Own, {"limits": 3}, "its options are limit, sizes"),
        (Own, {"limit": object()}, "JSON cannot hold"),
        (dict, {"limit": 3}, "which arguments"),
        (measure, {"scales": 3}, "scales"),
        (measure, {"scale": float("inf")}, "JSON cannot hold"),
    ],
)
def test_options_that_do_not_fit_are_refused(part, options, message):
    with pytest.raises(UserError, match=message):
        make("metric", name_of(part), options, target=None)


def test_what_is_offered_gives_way_to_options():
    assert arguments(Own, {"target": "mine"}, "here", target="t") == {"target": "mine"}
