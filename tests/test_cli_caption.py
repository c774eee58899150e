"""`seqgen train caption`, `seqgen caption` and `seqgen score captions`, as a person types them."""

import json

import pytest
from squares import draw, write_squares


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, colour in (("a", "red"), ("b", "blue")):
        draw(colour, "left").save(folder / f"{name}.png")
    return folder


def test_caption_takes_files_and_folders_and_writes_a_line_each(
    run, tiny_captioner, pictures, tmp_path
):
    lines = run("caption", "--model", tiny_captioner, pictures).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == [
        str(pictures / "a.png"),
        str(pictures / "b.png"),
    ]
    again = run("caption", "--model", tiny_captioner, pictures / "b.png", "--json").stdout
    found = json.loads(again)
    assert found["hypotheses"][0]["text"] == lines[1].split("\t")[1]
    assert found["grid"][0] * found["grid"][1] > max(found["hypotheses"][0]["alignment"])


def test_a_bad_picture_is_told_at_the_end_and_stops_nothing(
    run, tiny_captioner, pictures, tmp_path
):
    (pictures / "aa.png").write_bytes(b"no picture")
    done = run("caption", "--model", tiny_captioner, pictures, ok=False)
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 2
    said = done.stderr.strip().splitlines()
    assert len(said) == 2
    assert "aa.png" in said[0] and "1 of 3 pictures" in said[1]


def test_where_no_picture_can_be_read_nothing_is_written(run, tiny_captioner, pictures, tmp_path):
    for picture in pictures.iterdir():
        picture.write_bytes(b"no picture")
    captions = tmp_path / "captions.tsv"
    done = run("caption", "--model", tiny_captioner, pictures, "--output", captions, ok=False)
    assert done.returncode == 2
    assert "none of the pictures could be read" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 3
    assert not captions.exists()


def test_no_caption_ends_in_a_bad_ending(run, tiny_captioner, pictures):
    options = ("caption", "--model", tiny_captioner, pictures)
    assert any(line.endswith("left") for line in run(*options).stdout.splitlines())
    lines = run(*options, "--bad-ending", "left", "--bad-ending", "the").stdout.splitlines()
    assert len(lines) == 2
    assert not any(line.endswith((" left", " the")) for line in lines)


def test_an_explanation_is_written(run, refused, tiny_captioner, pictures, tmp_path):
    page = tmp_path / "page.html"
    run("caption", "--model", tiny_captioner, pictures, "--explain", page)
    assert page.read_text().count("<img") == 2
    sheet = tmp_path / "sheet.png"
    run("caption", "--model", tiny_captioner, pictures / "a.png", "--explain", sheet)
    assert sheet.read_bytes().startswith(b"\x89PNG")
    options = ("caption", "--model", tiny_captioner, pictures, "--explain")
    assert "name an .html" in refused(*options, sheet)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.png"], "nowhere.png: does not exist"),
        ([], "Missing argument"),
    ],
)
def test_caption_says_what_is_wrong(refused, tiny_captioner, arguments, said):
    assert said in refused("caption", "--model", tiny_captioner, *arguments)


def test_train_caption_from_the_command_line(run, refused, tmp_path):
    data = write_squares(tmp_path / "data", 8, 2)
    options = [
        "--set", "data.target.vocab_size=40", "--set", "data.flip=false", "--max-epochs", 1,
        "--set", "model.encoder_options={backbone='small',weights='none',tuned_stages=-1}",
    ]  # fmt: skip
    done = run("train", "caption", "--captions", data, "--out", tmp_path / "m", *options)
    assert "best model" in done.stdout
    run("info", tmp_path / "m", "--verify")
    assert "already holds a training" in refused(
        "train", "caption", "--captions", data, "--out", tmp_path / "m", *options
    )
    assert "captions is not given" in refused("train", "caption", "--out", tmp_path / "n")


def test_what_is_written_can_be_scored(run, refused, tiny_captioner, tmp_path):
    data = write_squares(tmp_path / "data", 8, 4)
    out = tmp_path / "out.tsv"
    run("caption", "--model", tiny_captioner, data / "images", "--output", out)
    done = run("score", "captions", out, data, "--split", "valid").stdout.splitlines()
    assert [line.split()[0] for line in done[:6]] == [
        "BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D",
    ]  # fmt: skip
    assert "n = 4" in done[0] and "4 captions of" in done[6]
    out.write_text("".join(out.read_text().splitlines(keepends=True)[:3]))
    assert "no caption for" in refused("score", "captions", out, data)
    out.write_text("a.png a square\n")
    assert "line 1: has no tab" in refused("score", "captions", out, data)
    out.write_text("a.png\tx\nb/a.png\ty\n")
    assert "line 2: has a second caption of a.png" in refused("score", "captions", out, data)
