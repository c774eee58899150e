import json

import pytest

from seqgen.data.values import Values
from seqgen.errors import UserError


def test_names_have_numbers_in_their_order():
    values = Values(["red", "sea blue", "grün"])
    assert values.encode(["grün", "", "red"]) == [[2], [], [0]]
    assert (values.size, json.loads(values.proto)) == (3, ["red", "sea blue", "grün"])


def test_an_unknown_name_is_told_where_it_stands_and_what_is_known():
    values = Values(f"value {number}" for number in range(20))
    with pytest.raises(UserError) as error:
        values.number("valve", "a.tsv, line 3")
    assert str(error.value) == (
        "a.tsv, line 3: there is no value 'valve'; known are "
        + ", ".join(f"value {number}" for number in range(8))
        + " …"
    )
    with pytest.raises(UserError, match="no value 'x'"):
        values.encode(["value 1", "x"])


@pytest.mark.parametrize("names", [[], [""], ["a", "b", "a"]])
def test_what_are_no_names_is_refused(names):
    with pytest.raises(UserError, match="some names"):
        Values(names)
