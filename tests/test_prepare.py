import gzip
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqgen.data.prepare import (
    PairFiles,
    Report,
    prepare_pairs,
    read_pairs,
    train_tokenizers,
)
from seqgen.data.store import Store
from seqgen.errors import UserError
from seqgen.files import read_lines
from seqgen.text import TextConfig, Tokenizer

PAIRS = [
    ("one small step", "ein kleiner Schritt"),
    ("two cats", "zwei Katzen"),
    ("é ß", "ü\u2028 x"),
]
CHAR = TextConfig("char", 100)


def write(path: Path, content: str | bytes) -> Path:
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def lines(texts: list[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


def make_files(folder: Path, kind: str, pairs: list[tuple[str, str]]) -> PairFiles:
    if kind.startswith("txt"):
        source = write(folder / f"a.{kind}", lines([pair[0] for pair in pairs]))
        return PairFiles(source, write(folder / f"b.{kind}", lines([pair[1] for pair in pairs])))
    if kind.startswith("tsv"):
        return PairFiles(write(folder / f"a.{kind}", lines(["\t".join(pair) for pair in pairs])))
    rows = [json.dumps({"id": 1, "target": pair[1], "source": pair[0]}) for pair in pairs]
    return PairFiles(write(folder / f"a.{kind}", lines(rows)))


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer.train([text for pair in PAIRS for text in pair], CHAR)


@pytest.mark.parametrize("kind", [f"{k}{z}" for k in ("txt", "tsv", "jsonl") for z in ("", ".gz")])
def test_every_format_makes_the_same_store(tmp_path: Path, kind: str, tokenizer: Tokenizer) -> None:
    files = make_files(tmp_path, kind, PAIRS)
    assert list(read_pairs(files)) == PAIRS
    out = tmp_path / "out"
    assert prepare_pairs(files, tokenizer, tokenizer, out) == Report(3, 0, 0)
    store = Store.open(out)
    for i, pair in enumerate(PAIRS):
        for side, text in zip(("source", "target"), pair, strict=True):
            assert store.columns[side][i].tolist() == tokenizer.encode([text])[0]
            assert store.texts(f"{side}_text", [i]) == [text]
    for path, digest in store.info.sources.items():
        assert digest == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert store.info.settings["max_length"] == 256


@given(
    pairs=st.lists(st.tuples(*[st.text(st.sampled_from("ab é\r\t\u2028\x85"), max_size=4)] * 2)),
    kind=st.sampled_from(["txt", "txt.gz", "tsv", "jsonl"]),
    limit=st.integers(1, 4),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_kept_and_dropped_pairs_are_all_pairs(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]], kind: str, limit: int
) -> None:
    if kind != "jsonl":  # what a line cannot hold
        drop = "\r\t" if kind == "tsv" else "\r"
        pairs = [tuple(t.translate(dict.fromkeys(map(ord, drop))) for t in p) for p in pairs]
    folder = tmp_path_factory.mktemp("pairs")
    tokenizer = Tokenizer.train(["ab é"], CHAR)
    sizes = [tuple(map(len, tokenizer.encode(list(pair)))) for pair in pairs]
    good = [
        pair
        for pair, size in zip(pairs, sizes, strict=True)
        if min(size) > 0 and max(size) <= limit
    ]
    files = make_files(folder, kind, pairs)
    if not good:
        with pytest.raises(UserError, match=r"is empty|no pair that can be used"):
            prepare_pairs(files, tokenizer, tokenizer, folder / "out", limit, True, True)
        assert not (folder / "out").exists()
        return
    report = prepare_pairs(files, tokenizer, tokenizer, folder / "out", limit, True, True)
    store = Store.open(folder / "out")
    texts = [store.texts(f"{side}_text", range(len(store))) for side in ("source", "target")]
    assert list(zip(*texts, strict=True)) == good
    assert report.pairs == len(good)
    assert report.dropped_empty == sum(min(size) == 0 for size in sizes)
    assert report.pairs + report.dropped_empty + report.dropped_long == len(pairs)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", "x\ty\nx\n", r"a\.tsv, line 2: has 1 columns where 2 are expected"),
        ("a.tsv", "x\ty\tz\n", r"a\.tsv, line 1: has 3 columns"),
        ("a.tsv", "", r"a\.tsv: is empty"),
        ("a.tsv.gz", "x\ty\nx", r"a\.tsv\.gz, line 2: has 1 columns"),
        ("a.tsv", b"x\ty\n\xff\ty\n", r"a\.tsv, line 2: is not UTF-8 at byte 4"),
        ("a.jsonl", '{"source": "x", "target": "y"}\n{\n', r"a\.jsonl, line 2: is not JSON"),
        ("a.jsonl", "[]\n", r"a\.jsonl, line 1: is no JSON object"),
        ("a.jsonl", '{"source": "x"}\n', r"a\.jsonl, line 1: has no text 'target'"),
        ("a.jsonl", '{"source": 1, "target": "y"}\n', r"line 1: has no text 'source'"),
        ("a.jsonl", '{"source": "\\ud800", "target": ""}\n', r"line 1: has half a character"),
        ("a.jsonl", "[" * 100_000, r"a\.jsonl, line 1: is not JSON"),
        ("a.jsonl", "1" * 10_000, r"a\.jsonl, line 1: is no"),
        ("a.txt", "x\n", r"a\.txt: has no target beside it; give two files, \.tsv or \.jsonl"),
    ],
)
def test_bad_files_are_one_line_with_their_place(
    tmp_path: Path, name: str, content: str | bytes, message: str, tokenizer: Tokenizer
) -> None:
    files = PairFiles(write(tmp_path / name, content))
    for act in (
        lambda: list(read_pairs(files)),
        lambda: train_tokenizers(files, CHAR, CHAR, joint=True),
        lambda: prepare_pairs(files, tokenizer, tokenizer, tmp_path / "out"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            act()
        assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("x\nx\nx\n", "y\n", r"b: has 1 lines where .*a has 3; give files that are parallel"),
        ("x\n", "y\ny\ny\n", r"a: has 1 lines where .*b has 3"),
        ("x\n", "", r"b: is empty"),
        ("", "y\n", r"a: is empty"),
        ("", "", r"a: is empty"),
        ("x\n", None, r"b: does not exist"),
        (None, "x\n", r"a: does not exist"),
        ("x\n", b"\x80", r"b, line 1: is not UTF-8 at byte 0"),
    ],
)
def test_two_files_that_do_not_match(
    tmp_path: Path, source: str | None, target: str | bytes | None, message: str
) -> None:
    for name, content in (("a", source), ("b", target)):
        if content is not None:
            write(tmp_path / name, content)
    with pytest.raises(UserError, match=message):
        list(read_pairs(PairFiles(tmp_path / "a", tmp_path / "b")))


def test_broken_gzip_is_one_line(tmp_path: Path) -> None:
    whole = gzip.compress(b"x\ty\n" * 1000)
    for content in (whole[:-9], b"x\ty\n", whole[:20] + b"????" + whole[24:]):
        (tmp_path / "a.tsv.gz").write_bytes(content)
        with pytest.raises(UserError, match=r"a\.tsv\.gz"):
            list(read_pairs(PairFiles(tmp_path / "a.tsv.gz")))


def test_long_and_empty_pairs_are_errors_that_count_them(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    pairs = [("one", "x"), ("", "x"), ("one", " "), ("one", "zwei Katzen"), ("small step", "x")]
    out = tmp_path / "out"

    def prepare(kind: str, *options: object) -> Report:
        files = make_files(tmp_path, kind, pairs)
        return prepare_pairs(files, tokenizer, tokenizer, out, *options)

    with pytest.raises(UserError, match=r"a\.txt, line 2: has no text, the first of 2 such pairs"):
        prepare("txt", 5, True)
    with pytest.raises(
        UserError,
        match=r"b\.txt, line 4: has more than 5 tokens, the first of 2 such pairs;"
        r" the longest has 12; raise max_length, or set drop_long",
    ):
        prepare("txt", 5, False, True)
    with pytest.raises(UserError, match=r"a\.tsv, line 4: has more than 5"):
        prepare("tsv", 5, False, True)
    with pytest.raises(UserError, match=r"a\.txt, line 1: has more than 1 tokens"):
        prepare("txt", 1, False, True)
    with pytest.raises(UserError, match="no pair that can be used"):
        prepare("txt", 1, True, True)
    with pytest.raises(UserError, match="max_length must be at least 1"):
        prepare("txt", 0)
    assert not out.exists()
    assert prepare("txt", 5, True, True) == Report(1, 2, 2)


def test_a_store_is_replaced_whole_and_nothing_else_ever(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    files, out = make_files(tmp_path, "tsv", PAIRS), tmp_path / "out"
    prepare_pairs(files, tokenizer, tokenizer, out)
    with pytest.raises(UserError, match="has more than 3 tokens"):
        prepare_pairs(files, tokenizer, tokenizer, out, 3)
    assert len(Store.open(out)) == 3
    assert prepare_pairs(files, tokenizer, tokenizer, out, 5, True) == Report(1, 2, 0)
    assert len(Store.open(out)) == 1
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="holds other things"):
        prepare_pairs(files, tokenizer, tokenizer, other)
    with pytest.raises(UserError, match="is a file where a folder"):
        prepare_pairs(files, tokenizer, tokenizer, other / "thesis.txt")
    assert (other / "thesis.txt").read_text() == "mine"


def test_progress_counts_pairs(tmp_path: Path, tokenizer: Tokenizer) -> None:
    calls: list[int] = []
    files = make_files(tmp_path, "tsv", PAIRS * 3000)
    prepare_pairs(files, tokenizer, tokenizer, tmp_path / "out", progress=calls.append)
    assert calls == sorted(set(calls))
    assert len(calls) > 1
    assert calls[-1] == 9000


def test_tokenizers_joint_and_apart(tmp_path: Path) -> None:
    files = make_files(tmp_path, "tsv", [("abc", "xyz")])
    source, target = train_tokenizers(files, CHAR, CHAR, joint=True)
    assert source is target
    assert source.size == 4 + len("▁abcxyz")
    source, target = train_tokenizers(files, CHAR, TextConfig("char", 6), joint=False)
    assert set(source.pieces(range(4, source.size))) == set("▁abc")
    assert target.size == 6


def test_large_vocabularies_take_wider_tokens(tmp_path: Path) -> None:
    words = [f"w{i}" for i in range(70_000)]
    big = Tokenizer.train([" ".join(words)], TextConfig("word", 100_000))
    assert big.size > 1 << 16
    files = make_files(tmp_path, "tsv", [(word, word) for word in words])
    prepare_pairs(files, big, big, tmp_path / "out")
    store = Store.open(tmp_path / "out")
    assert store.columns["source"].tokens.dtype == "int32"
    assert store.columns["source"].tokens.tolist() == [row[0] for row in big.encode(words)]


def test_preparing_needs_no_torch(tmp_path: Path) -> None:
    code = "import sys; import seqgen.data.prepare; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_multi30k(real_data, tmp_path: Path) -> None:
    folder: Path = real_data("multi30k")
    files = PairFiles(folder / "val.en.gz", folder / "val.de.gz")
    source, target = train_tokenizers(files, *[TextConfig(vocab_size=2000)] * 2, joint=True)
    assert prepare_pairs(files, source, target, tmp_path / "out") == Report(1014, 0, 0)
    store = Store.open(tmp_path / "out")
    german = list(read_lines(folder / "val.de.gz"))
    assert store.texts("target_text", range(1014)) == german
    assert [store.columns["target"][i].tolist() for i in range(1014)] == target.encode(german)
