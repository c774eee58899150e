import gzip

import pytest
from squares import draw

from seqgen.data.labels import hold_out, prepare_texts, read_labelled, right_labels
from seqgen.data.store import Store
from seqgen.data.values import Values
from seqgen.errors import UserError
from seqgen.text import TextConfig, Tokenizer

WANTED = [("a dog, a cat", "x"), ('he said "no"', "y z"), ("ü", "3")]
FILES = {
    "a.csv": '"a dog, a cat",x\n"he said ""no""", y z \nü,3\n',
    "named.csv": 'id,Label,text\n1,x,"a dog, a cat"\n2,y z,"he said ""no"""\n3,3,ü\n',
    "a.tsv": 'a dog, a cat\tx\nhe said "no"\ty z\nü\t3\n',
    "named.tsv": 'label\ttext\nx\ta dog, a cat\ny z\the said "no"\n3\tü\n',
    "a.jsonl": '{"text": "a dog, a cat", "label": "x"}\n'
    '{"label": "y z", "more": 1, "text": "he said \\"no\\""}\n{"text": "ü", "label": 3}\n',
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("packed", [False, True])
def test_each_format_says_the_same(tmp_path, name, packed):
    path = tmp_path / (f"{name}.gz" if packed else name)
    data = FILES[name].encode("utf-8")
    path.write_bytes(gzip.compress(data) if packed else data)
    found = read_labelled(path)
    assert [(one.item, one.label) for one in found] == WANTED
    line = 3 + name.startswith("named")
    assert found[2].where == f"{path}, line {line}"
    assert right_labels(path) == [label for _, label in WANTED]


def test_a_cell_over_two_lines_keeps_the_lines_counted(tmp_path):
    (tmp_path / "a.csv").write_text('"one\ntwo",x\nthree,x\nfour\n')
    with pytest.raises(UserError, match=r"a\.csv, line 4: has 1 columns where 2"):
        read_labelled(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text('"one\ntwo",x\nthree,x\n')
    assert [one.item for one in read_labelled(tmp_path / "a.csv")] == ["one\ntwo", "three"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "text,label\n", "is empty"),
        ("a.csv", "a,x\nb\n", "line 2: has 1 columns where 2.*name the columns"),
        ("a.csv", "text,label,n\na,x,1\nb,x\n", "line 3: has 2 columns where 3"),
        ("a.csv", "a,x\n ,x\n", "line 2: has no text"),
        ("a.csv", "a,x\nb,\n", "line 2: has no label"),
        ("a.csv", 'a,"x\ty"\n', "line 1: has a label with a tab"),
        ("a.tsv", "a\tx\nb\tx\ty\n", "line 2: has 3 columns"),
        ("a.jsonl", '{"text": "a", "label": "x"}\n{"text": \n', "line 2: is not JSON"),
        ("a.jsonl", "[1]\n", "line 1: is no JSON object"),
        ("a.jsonl", '{"text": "a"}\n', "line 1: has no label"),
        ("a.jsonl", '{"text": "a", "label": 1.5}\n', "line 1: has no label"),
        ("a.jsonl", '{"text": "\\ud800", "label": "x"}\n', "line 1: has half a character"),
        ("a.txt", "a\n", "no file of labels"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message):
        read_labelled(tmp_path / name)


def test_images_are_found_in_their_folder(tmp_path):
    draw("red", "left").save(tmp_path / "1.png")
    path = tmp_path / "a.csv"
    path.write_text("image,label\n1.png,red\n")
    (one,) = read_labelled(path, tmp_path)
    assert (one.item, one.label) == (str(tmp_path / "1.png"), "red")
    path.write_text("1.png,red\n2.png,red\n3.png,red\n")
    with pytest.raises(UserError, match=r"2 of 3 images are missing: .*2\.png"):
        read_labelled(path, tmp_path)
    path.write_text("../1.png,red\n")
    with pytest.raises(UserError, match="line 1: names an image outside"):
        read_labelled(path, tmp_path)
    with pytest.raises(UserError, match="is no folder"):
        read_labelled(path, tmp_path / "none")


def test_lines_of_labels_are_read_too(tmp_path):
    (tmp_path / "a.txt").write_text("x\ny z\n")
    assert right_labels(tmp_path / "a.txt") == ["x", "y z"]
    (tmp_path / "a.txt").write_text("x\n\ny\n")
    with pytest.raises(UserError, match="line 2: has no label"):
        right_labels(tmp_path / "a.txt")


def test_what_is_held_out_is_a_function_of_the_seed(tmp_path):
    (tmp_path / "a.tsv").write_text("".join(f"t{i}\tx\n" for i in range(40)))
    every = read_labelled(tmp_path / "a.tsv")
    kept, held = hold_out(every, 0.1, seed=1)
    assert len(held) == 4 and sorted([*kept, *held], key=every.index) == every
    assert [every.index(one) for one in kept] == sorted(map(every.index, kept))
    assert hold_out(every, 0.1, 1) == (kept, held) and hold_out(every, 0.1, 2) != (kept, held)
    assert [len(part) for part in hold_out(every[:2], 0.9, 1)] == [1, 1]
    with pytest.raises(UserError, match="too few"):
        hold_out(every[:1], 0.5, 1)


def test_a_store_of_texts(tmp_path):
    (tmp_path / "a.tsv").write_text("a dog\tx\na cat and a cat and a cat\ty\na cat\tx\n")
    every, labels = read_labelled(tmp_path / "a.tsv"), Values(["x", "y"])
    tokenizer = Tokenizer.train([one.item for one in every], TextConfig("word", 20))
    assert prepare_texts(every, tokenizer, labels, tmp_path / "s", 5, drop_long=True) == 1
    store = Store.open(tmp_path / "s")
    assert store.texts("source_text", range(2)) == ["a dog", "a cat"]
    assert tokenizer.decode(store.columns["source"][1]) == "a cat"
    assert store.columns["label"].tokens.tolist() == [0, 0]
    with pytest.raises(UserError, match=r"a\.tsv, line 2: has more than 5 tokens"):
        prepare_texts(every, tokenizer, labels, tmp_path / "s", 5)
    with pytest.raises(UserError, match=r"line 2: there is no value 'y'"):
        prepare_texts(every, tokenizer, Values(["x"]), tmp_path / "s")
    with pytest.raises(UserError, match="no text has at most 1"):
        prepare_texts(every, tokenizer, labels, tmp_path / "s", 1, drop_long=True)
