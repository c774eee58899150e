import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqgen.data.captions import Captioned, read_captions
from seqgen.errors import UserError

IMAGES = {  # in the order in which every format below first names them
    "b.jpg": ("train", ["a dog", "ein Hund ."]),
    "sub/a.jpg": ("val", ["two cats"]),
    "ü.jpg": ("test", ["a b", "c", "c"]),
}


def put(path: Path, content: str | bytes | dict[str, Any]) -> Path:
    data = json.dumps(content) if isinstance(content, dict) else content
    data = data.encode("utf-8") if isinstance(data, str) else data
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in IMAGES:
        put(tmp_path / "pictures" / name, b"")
    return tmp_path


def karpathy() -> dict[str, Any]:
    images = []
    for name, (split, texts) in IMAGES.items():
        sentences: list[dict[str, Any]] = [{"raw": f" {text}\n", "tokens": ["x"]} for text in texts]
        sentences[-1] = {"tokens": texts[-1].split()}
        image = {"filename": name.split("/")[-1], "split": split, "sentences": sentences}
        if "/" in name:
            image["filepath"] = name.split("/")[0]
        images.append(image)
    images[0]["split"] = "restval"
    return {"dataset": "mine", "images": images}


def coco() -> dict[str, Any]:
    images = [{"id": i * 7, "file_name": name} for i, name in enumerate(IMAGES)]
    annotations = [
        {"image_id": image["id"], "id": 1, "caption": text}
        for image in images
        for text in IMAGES[str(image["file_name"])][1]
    ]
    return {"info": {}, "images": images, "annotations": annotations}


def tsv() -> str:
    rows = [(name, text, split) for name, (split, texts) in IMAGES.items() for text in texts]
    rows.append(rows.pop(1))  # lines of one image need not be together
    return "".join("\t".join(row) + "\n" for row in rows)


def jsonl() -> str:
    lines = []
    for name, (split, texts) in IMAGES.items():
        lines.append({"image": name, "split": split, "captions": texts[:-1], "caption": texts[-1]})
        if len(texts) == 1:
            del lines[-1]["captions"]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


FORMATS = {"karpathy": karpathy, "coco": coco, "tsv": tsv, "jsonl": jsonl}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", ["any.thing", "any.gz"])
def test_every_format_reads_the_same(folder: Path, form: str, name: str) -> None:
    path, pictures = put(folder / name, FORMATS[form]()), folder / "pictures"
    expected = [Captioned(pictures / n, tuple(c), s) for n, (s, c) in IMAGES.items()]
    if form == "coco":  # one file a split
        for split in ("train", "dev"):
            one = [Captioned(image.image, image.captions, split) for image in expected]
            assert read_captions(path, pictures, split) == one
        assert {image.split for image in read_captions(path, pictures)} == {"train"}
        return
    assert read_captions(path, pictures) == expected
    for i, split in enumerate(("train", "val", "test")):
        assert read_captions(path, pictures, split) == [expected[i]]
    with pytest.raises(UserError, match="no image of the split 'dev'; it has test, train, val"):
        read_captions(path, pictures, "dev")


@pytest.mark.parametrize(
    ("name", "form"),
    [("captions.tsv", "tsv"), ("captions.jsonl.gz", "jsonl"), ("dataset.json", "karpathy")],
)
def test_a_folder_with_its_images(folder: Path, name: str, form: str) -> None:
    put(folder / "pictures" / name, FORMATS[form]())
    assert len(read_captions(folder / "pictures")) == 3
    (folder / "pictures").rename(folder / "images")
    (folder / "images" / name).rename(folder / name)
    found = read_captions(folder)
    assert [one.image for one in found] == [folder / "images" / image for image in IMAGES]
    assert read_captions(folder / name) == found
    put(folder / "captions.tsv.gz", "b.jpg\tx\n")
    with pytest.raises(UserError, match=r"captions\.tsv.*give the one that is meant|has .* and "):
        read_captions(folder)


def test_a_split_of_its_own_is_for_lines_that_name_none(folder: Path) -> None:
    path = put(folder / "x", "b.jpg\tone\nsub/a.jpg\ttwo\tval\nb.jpg\tthree\t\n")
    pictures = folder / "pictures"
    assert [one.split for one in read_captions(path, pictures)] == ["train", "val"]
    assert read_captions(path, pictures, "test") == [
        Captioned(pictures / "b.jpg", ("one", "three"), "test")
    ]
    assert [one.captions for one in read_captions(path, pictures, "val")] == [
        ("one", "three"),
        ("two",),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "x: is no file of captions that is known; give a Karpathy or COCO"),
        ("words and words\n", "x: is no file of captions that is known"),
        (b"a\xff\t", "x, line 1: is not UTF-8 at byte 1"),
        ("b.jpg\ta dog\nb.jpg\n", "x, line 2: has 1 columns where 2 or 3"),
        ("b.jpg\ta\tb\tc\n", "x, line 1: has 4 columns"),
        ("b.jpg\ta\nb.jpg\t \u3000\n", "x, line 2: has an empty caption"),
        ("\ta dog\n", "x, line 1: has an empty image name"),
        ("./\ta dog\n", "x, line 1: has an empty image name"),
        ("../b.jpg\ta\n", r"x, line 1: names an image outside its folder: '\.\./b\.jpg'"),
        ("sub/../../b.jpg\ta\n", "outside its folder"),
        ("sub\\..\\..\\b.jpg\ta\n", "outside its folder"),
        ("/etc/passwd\ta\n", "outside its folder"),
        ("C:\\b.jpg\ta\n", "outside its folder"),
        ("b.jpg\0\ta\n", "outside its folder"),
        ("b.jpg\ta\ttrain\n./b.jpg\tb\tval\n", "x, line 2: puts b.jpg into 'val', and .* 'train'"),
        ("{", "x, line 1: is not JSON"),
        ('\n\n{"images":\n[}', "x, line 4: is not JSON"),
        ('{"image": "b.jpg", "caption": "a"}\n{\n', "x, line 2: is not JSON"),
        ('{"image": "b.jpg", "caption": "a"}\n[]\n', "x, line 2: is no JSON object"),
        ('{"image": "b.jpg", "caption": "a"}\n{"caption": "a"}', "x, line 2: has no text as image"),
        ('{"image": "b.jpg"}', "x, line 1: has no captions"),
        ('{"image": "b.jpg", "captions": []}', "x, line 1: has no captions"),
        ('{"image": "b.jpg", "captions": "a"}', "x, line 1: has no list 'captions'"),
        ('{"image": "b.jpg", "caption": 3}', "x, line 1: has no text as caption"),
        ('{"image": "b.jpg", "caption": "a", "split": 3}', "x, line 1: has no text as split"),
        ('{"image": "b.jpg", "caption": "\\ud800"}', "x, line 1: has half a character in its cap"),
        ('{"image": "\\ud800", "caption": "a"}', "x, line 1: has half a character in its image"),
        ('{"a": 1}', "x: has neither a list 'images' nor an 'image'"),
        ('["a"]', "x: has neither"),
        ('{"images": {}}', "x: has neither"),
        ('{"images": []}', "x: has no captions"),
        ('{"images": []}\n{"images": []}', "x, line 2: is not JSON: more text"),
        ("[" * 100_000, "x, line 1: is not JSON: nested too deeply"),
        ('{"a": ' + "1" * 10_000 + "}", "x, line 1: is not JSON"),
        ({"images": [3]}, r"x, images\[0\]: has no 'filename'"),
        ({"images": [{"filename": "b.jpg"}]}, r"images\[0\]: has no 'split'"),
        ({"images": [{"filename": "b.jpg", "split": "val"}]}, r"has no list 'sentences'"),
        ({"images": [{"filename": "b.jpg", "split": "val", "sentences": []}]}, "has no captions"),
        ({"images": [3], "annotations": []}, r"images\[0\]: has no 'id'"),
        ({"images": [{"id": 1}], "annotations": []}, r"images\[0\]: has no 'file_name'"),
        ({"images": [], "annotations": {}}, "x: has no list 'annotations'"),
    ],
)
def test_bad_files_are_one_line_with_their_place(folder: Path, content: Any, message: str) -> None:
    path = put(folder / "x", content)
    with pytest.raises(UserError, match=message) as caught:
        read_captions(path, folder / "pictures")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        (3, r"images\[1\]\.sentences\[0\]: has neither 'raw' nor 'tokens'"),
        ({"raw": None}, r"images\[1\]\.sentences\[0\]: has no list 'tokens'"),
        ({"tokens": []}, r"images\[1\]\.sentences\[0\]: has an empty caption"),
        ({"raw": "\t"}, r"images\[1\]\.sentences\[0\]: has an empty caption"),
        ({"raw": 3}, r"images\[1\]\.sentences\[0\]: has no text as caption"),
    ],
)
def test_bad_sentences(folder: Path, sentence: Any, message: str) -> None:
    values = karpathy()
    values["images"][1]["sentences"][0] = sentence
    with pytest.raises(UserError, match=message):
        read_captions(put(folder / "x", values), folder / "pictures")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v["images"].append(v["images"][0]), r"images\[3\]: has the id 0 of an image"),
        (
            lambda v: v["annotations"][1].update(image_id=3),
            r"annotations\[1\]: is about an image 3",
        ),
        (lambda v: v["annotations"][1].pop("caption"), r"annotations\[1\]: has no 'caption'"),
        (lambda v: v["annotations"][1].update(caption=""), r"annotations\[1\]: has an empty cap"),
        (lambda v: v["annotations"].append(None), r"annotations\[6\]: has no 'image_id'"),
        (lambda v: v["annotations"].pop(2), r"images\[1\]: has no captions"),
        (
            lambda v: v["images"][0].update(file_name="../x"),
            r"annotations\[0\]: names an image out",
        ),
    ],
)
def test_bad_coco(folder: Path, change: Any, message: str) -> None:
    values = coco()
    change(values)
    with pytest.raises(UserError, match=message):
        read_captions(put(folder / "x", values), folder / "pictures")


def test_missing_images_are_told_all_at_once(folder: Path) -> None:
    names = [f"{i}.jpg" for i in range(9)] + ["b.jpg", "sub", "n" * 300]
    path = put(folder / "x", "".join(f"{name}\ta\n" for name in names))
    message = "pictures: 11 of the 12 images of .*x are missing: 0.jpg, 1.jpg, 2.jpg, …; check"
    with pytest.raises(UserError, match=message):
        read_captions(path, folder / "pictures")
    put(folder / "x", "0.jpg\ta\ttrain\nb.jpg\ta\tval\n")
    assert len(read_captions(path, folder / "pictures", "val")) == 1
    with pytest.raises(UserError, match="nowhere: is no folder"):
        read_captions(path, folder / "nowhere")
    with pytest.raises(UserError, match="does not exist"):
        read_captions(folder / "y")
    with pytest.raises(UserError, match=r"pictures: has no captions; it needs captions\.tsv"):
        read_captions(folder / "pictures")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(sorted(IMAGES)), st.text(st.sampled_from("ab é\u3000\x85."))),
        min_size=1,
    )
)
def test_captions_are_kept_in_order_by_image(folder: Path, rows: list[tuple[str, str]]) -> None:
    path = put(folder / "x", "".join(f"{name}\t{text}\n" for name, text in rows))
    if not all(text.strip() for _, text in rows):
        first = next(i for i, (_, text) in enumerate(rows, 1) if not text.strip())
        with pytest.raises(UserError, match=f"x, line {first}: has an empty caption"):
            read_captions(path, folder / "pictures")
        return
    found = read_captions(path, folder / "pictures")
    names = list(dict.fromkeys(name for name, _ in rows))
    assert [one.image for one in found] == [folder / "pictures" / name for name in names]
    for name, one in zip(names, found, strict=True):
        texts = tuple(" ".join(text.split()) for other, text in rows if other == name)
        assert one == Captioned(folder / "pictures" / name, texts, "train")


def test_reading_needs_no_torch() -> None:
    code = "import sys; import seqgen.data.captions; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_flickr8k(real_data) -> None:
    folder: Path = real_data("flickr8k")
    found = read_captions(folder)
    counts = {s: sum(one.split == s for one in found) for s in ("train", "val", "test")}
    assert counts == {"train": 6000, "val": 1000, "test": 1000}
    assert {len(one.captions) for one in found} == {5}
    test = read_captions(folder / "dataset.json.gz", folder / "images", "test")
    assert test == [one for one in found if one.split == "test"]
    assert found[0].captions[1] == "A girl going into a wooden building ."


def test_coco(real_data) -> None:
    folder: Path = real_data("coco_mini")
    path = folder / "annotations" / "captions_train2017.json"
    found = read_captions(path, folder / "train2017", "val")
    assert len(found) == 80
    assert sum(len(one.captions) for one in found) == 400
    assert {one.split for one in found} == {"val"}
    with pytest.raises(UserError, match="80 of the 80 images"):
        read_captions(path)
