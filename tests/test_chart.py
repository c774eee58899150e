import io

import numpy as np
import pytest
from PIL import Image, ImageColor

from seqgen.chart import COLOURS, line_chart, matrix_chart
from seqgen.errors import UserError


def middle_of(picture: bytes, colour: str) -> list[tuple[float, float]]:
    """Where the pixels of a colour are: for each column that has some, their mean row."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))[:, :540]  # not the legend
    rows, columns = np.nonzero((pixels == ImageColor.getrgb(colour)).all(-1))
    return [(float(c), float(rows[columns == c].mean())) for c in np.unique(columns)]


def test_a_line_goes_where_its_numbers_say():
    picture = line_chart("t", ["a", "b", "c"], {"up": [0, 0.5, 1], "flat": [0.25] * 3}, "places")
    rising = middle_of(picture, COLOURS[0])
    (left, low), (right, high) = rising[0], rising[-1]
    assert low > high + 200
    level = [row for _, row in middle_of(picture, COLOURS[1])]
    assert max(level) - min(level) < 3
    assert level[0] == pytest.approx(0.75 * low + 0.25 * high, abs=6)
    centre = [row for column, row in rising if abs(column - (left + right) / 2) < 2]
    assert centre == [pytest.approx((low + high) / 2, abs=6)] * len(centre) != []


def test_numbers_below_zero_and_all_alike_have_their_place():
    for line in ([-3.0, 4.0], [0.0, 0.0], [-2.0, -2.0], [1e-7, 2e-7]):
        assert middle_of(line_chart("t", ["a", "b"], {"x": line}), COLOURS[0])


@pytest.mark.parametrize(
    ("lines", "said"),
    [({}, "nothing"), ({"a": [1.0]}, "1 points, not 2"), ({"a": [1.0, float("nan")]}, "nothing")],
)
def test_what_cannot_be_drawn_is_refused(lines, said):
    with pytest.raises(UserError, match=said):
        line_chart("t", ["a", "b"], lines)


def test_a_matrix_is_darkest_where_most_of_a_row_is():
    picture = Image.open(io.BytesIO(matrix_chart("t", ["a", "b"], [[9, 1], [0, 5]])))
    shades = picture.convert("RGB").getcolors(picture.width * picture.height)
    dark = {colour for _, colour in shades}
    assert {(31, 119, 180), (255, 255, 255)} <= dark  # all of a row, and none of it
    assert tuple(round(255 + 0.9 * (d - 255)) for d in (31, 119, 180)) in dark
    for labels, counts in (([], []), (["a"], [[1, 2]]), (["a", "b"], [[1, 2]])):
        with pytest.raises(UserError, match="nothing"):
            matrix_chart("t", labels, counts)


def test_long_labels_leave_room_for_the_counts():
    picture = Image.open(io.BytesIO(matrix_chart("t", ["a" * 99, "b"], [[1, 0], [0, 1]])))
    assert picture.width < 500
