import numpy as np
import pytest
from PIL import Image

from seqgen.captioner import Caption
from seqgen.errors import UserError
from seqgen.images import ImageConfig
from seqgen.overlay import explain, gallery, seen, shade, words, write_explanation
from seqgen.search.step import Hypothesis


def caption(pieces, attention, grid=(2, 2)):
    attention = np.array(attention, np.float32)
    hypothesis = Hypothesis((5,) * len(pieces), 0.0, 0.0, (0.0,), attention, True)
    return Caption("".join(pieces).replace("▁", " ").strip(), tuple(pieces), hypothesis, grid)


LEFT, RIGHT = [0.5, 0.0, 0.5, 0.0], [0.0, 0.5, 0.0, 0.5]


def test_subwords_are_put_together_and_their_attention_is_the_mean():
    found = words(caption(["▁a", "▁squ", "are"], [LEFT, RIGHT, LEFT, RIGHT]))
    assert [text for text, _ in found] == ["a", "square"]
    assert found[0][1].tolist() == [[0.5, 0.0], [0.5, 0.0]]
    assert found[1][1].tolist() == [[0.25, 0.25], [0.25, 0.25]]


@pytest.mark.parametrize(
    ("size", "config", "box"),
    [
        ((200, 100), ImageConfig(80, "crop", 100), (60, 10, 140, 90)),
        ((100, 200), ImageConfig(80, "crop", 100), (10, 60, 90, 140)),
        ((200, 100), ImageConfig(80, "squash", 100), (0, 0, 200, 100)),
        ((100, 100), ImageConfig(100, "crop", 100), (0, 0, 100, 100)),
    ],
)
def test_what_is_seen_of_a_picture(size, config, box):
    assert seen(size, config) == box


def test_light_falls_where_the_network_looked_on_a_picture_that_is_not_square():
    image = Image.new("RGB", (200, 100), (200, 200, 200))
    lit = np.asarray(
        shade(image, np.array([[1.0, 0.0], [1.0, 0.0]]), ImageConfig(100, "crop", 100))
    )
    assert lit.shape == (100, 200, 3)
    assert (lit[:, 52:60] > 190).all()  # the left of the square that is cut out
    assert (lit[:, 140:148] < 60).all()  # its right
    assert (lit[:, :45] == 50).all() and (lit[:, 155:] == 50).all()  # never seen


def test_a_grid_that_is_no_square_is_laid_over_the_whole_picture():
    image = Image.new("RGB", (200, 100), (200, 200, 200))
    one = caption(["▁a"], [[0.0] * 5 + [1.0]], (2, 3))
    ((_, weights),) = words(one)
    assert weights.tolist() == [[0, 0, 0], [0, 0, 1]]
    lit = np.asarray(shade(image, weights, ImageConfig(100, "squash", 100)))
    assert (lit[85:, 180:] > 190).all()  # the lower right sixth
    assert (lit[:20] < 70).all() and (lit[:, :90] < 70).all()


def test_an_explanation_has_a_tile_for_each_word(tmp_path):
    image = Image.new("RGB", (320, 160), "red")
    sheet = explain(image, caption(["▁a", "▁b"], [LEFT, RIGHT, LEFT]), ImageConfig())
    assert sheet.size == (3 * 244, 24 + 120 + 24)


def test_a_gallery_shows_pictures_of_any_shape_in_rows(tmp_path):
    files = [tmp_path / f"{i}.png" for i in range(5)]
    for file, size in zip(
        files, [(64, 64), (300, 100), (10, 90), (500, 400), (64, 64)], strict=True
    ):
        Image.new("RGB", size, "blue").save(file)
    (tmp_path / "all.png").write_bytes(gallery(files, ["a word " * 30] * 5))
    with Image.open(tmp_path / "all.png") as image:
        sheet = np.asarray(image)
    assert sheet.shape[1] == 4 * 248
    assert sheet[120, 124].tolist() == [0, 0, 255]
    assert sheet[120 + sheet.shape[0] // 2, 124].tolist() == [0, 0, 255]


def test_files(tmp_path):
    image = tmp_path / "<x>.png"
    Image.new("RGB", (64, 64), "red").save(image)
    one = caption(["▁a", "&"], [LEFT, RIGHT, LEFT])
    write_explanation(tmp_path / "one.png", [(image, one)], ImageConfig())
    with Image.open(tmp_path / "one.png") as sheet:
        assert sheet.size[0] == 2 * 244
    write_explanation(tmp_path / "two.html", [(image, one)] * 2, ImageConfig())
    page = (tmp_path / "two.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "a&amp;" in page and "&lt;x&gt;" in page and "<x>" not in page


@pytest.mark.parametrize(
    ("name", "count", "message"),
    [("x.jpg", 1, "neither"), ("x.png", 2, r"name an \.html"), ("x.png", 0, "no caption")],
)
def test_what_cannot_be_written_is_said(tmp_path, name, count, message):
    image = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(image)
    captions = [(image, caption(["▁a"], [LEFT, LEFT]))] * count
    with pytest.raises(UserError, match=message):
        write_explanation(tmp_path / name, captions, ImageConfig())
    assert not (tmp_path / name).exists()


def test_a_model_without_attention_has_nothing_to_show():
    hypothesis = Hypothesis((5,), 0.0, 0.0, (0.0, 0.0), None, True)
    with pytest.raises(UserError, match="no attention"):
        words(Caption("a", ("▁a",), hypothesis, None))
