import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.data.conllu import form_of, read_both, read_sentences, sentence_lines
from seqgen.errors import UserError

TEXT = """\
# sent_id = 1
# text = Don't go
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVB\t_\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tgo\tgo\tVERB\tVB\tMood=Imp\t0\troot\t_\t_
3.1\tit\tit\tPRON\tPRP\t_\t_\t_\t3:obj\t_
3.2\t_\t_\t_\t_\t_\t_\t_\t_\t_

0.1\tx\tx\tX\t_\t_\t_\t_\t_\t_
1\t10 000\t10 000\tNUM\tCD\t_\t0\troot\t_\tA b

"""


def word(number, tag="X", form="a"):
    return f"{number}\t{form}\t_\t{tag}\t_\t_\t_\t_\t_\t_\n"


@pytest.fixture
def read(tmp_path):
    def run(text, form="conllu", *options):
        path = tmp_path / f"a.{form}"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return list(read_sentences(path, form, *options))

    return run


def test_words_are_what_has_a_whole_number(read):
    one, other = read(TEXT)
    assert (one.words, one.tags) == (("Do", "n't", "go"), ("AUX", "PART", "VERB"))
    assert (other.words, other.tags) == (("10 000",), ("NUM",))
    assert [one.line(i) for i in range(3)] + [other.line(0)] == [4, 5, 6, 11]
    assert [s.tags for s in read(TEXT, "conllu", "xpos")] == [("VB", "RB", "VB"), ("CD",)]
    assert read(TEXT, "conllu", "deprel")[0].tags == ("aux", "advmod", "root")


def test_a_tag_is_replaced_and_all_else_stays(read):
    one, other = read(TEXT)
    text = one.retagged(["A", "B", "C"]) + other.retagged(["D"])
    changes = {"\tAUX\t": "\tA\t", "\tPART\t": "\tB\t", "\tVERB\t": "\tC\t", "\tNUM\t": "\tD\t"}
    wanted = TEXT
    for old, new in changes.items():
        wanted = wanted.replace(old, new)
    assert text == wanted


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("\n", "\r\n"),
        TEXT.rstrip("\n"),
        "\ufeff" + TEXT,
        "\n\n" + TEXT + "\n\n\n",
        TEXT.replace("# text", "#\u2028\x85 text"),
        "",
        "\n\r\n",
        "# a\n\n",
    ],
)
def test_bytes_are_kept_whatever_ends_the_lines(read, text):
    if text == "# a\n\n":
        with pytest.raises(UserError, match=r"a.conllu, line 2: ends a sentence without words"):
            read(text)
        return
    assert "".join(s.retagged(s.tags) for s in read(text)) == text


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\r\n"), min_size=1)
WORD = CELL.filter(lambda text: text.strip() and not text.startswith("\ufeff"))
TAG = st.from_regex(r"\A[A-Z#|=-]{1,4}\Z")
SENTENCE = st.lists(st.tuples(WORD, TAG), min_size=1, max_size=5)


@given(st.lists(SENTENCE, max_size=4), st.booleans())
def test_tsv_is_read_as_it_was_written(tmp_path_factory, sentences, packed):
    path = tmp_path_factory.mktemp("tsv") / ("a.tsv.gz" if packed else "a.tsv")
    text = "".join(sentence_lines(*zip(*pairs, strict=True)) for pairs in sentences)
    path.write_bytes((gzip.compress if packed else bytes)(text.encode("utf-8")))
    found = list(read_sentences(path, form_of(path)))
    assert [list(zip(s.words, s.tags, strict=True)) for s in found] == sentences
    assert "".join(s.retagged(s.tags) for s in found) == text


def test_a_word_alone_gets_its_tag_behind_it(read):
    (one,) = read("# \nb\tX\r\n", "tsv", "upos", True)
    assert (one.words, one.tags) == (("# ", "b"), ("", "X"))
    assert one.retagged(["Y", "Z"]) == "# \tY\nb\tZ\r\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a b c\n", 1, "has 1 columns where 10 are expected"),
        (word(1) + "2\ta\n", 2, "has 2 columns where 10"),
        (word(1).replace("a", " "), 1, "has an empty column form; write _"),
        (word(1).replace("_\n", "\n"), 1, "has an empty column misc"),
        (word(1, "A B"), 1, "has a space in column upos"),
        (word("x"), 1, "has no number but 'x'"),
        (word("1-"), 1, "has no number but '1-'"),
        (word("\u0661"), 1, "has no number"),
        (word("9" * 5000), 1, "has no number"),
        (word(2), 1, "has 2 where 1 is expected"),
        (word(1) + word(1), 2, "has 1 where 2 is expected"),
        (word(1) + "# no\n", 2, "is a comment within a sentence"),
        (word("1-2") + "# no\n", 2, "is a comment within a sentence"),
        (word("2-3"), 1, "has 2-3 where 1 is expected"),
        (word("1-0"), 1, "has the multiword token 1-0"),
        (word("1-3") + word(1) + word("2-3"), 3, "has the multiword token 2-3"),
        (word("1-3") + word(1) + "\n", 3, "ends a sentence before word 3"),
        (word("1-3") + word(1), 2, "ends a sentence before word 3"),
        (word("1.1"), 1, "has 1.1 where 0.1 is expected"),
        (word(1) + word("1.2"), 2, "has 1.2 where 1.1 is expected"),
        (word("0.1") + "\n", 2, "ends a sentence without words"),
        ("\n" + word(1) + "\n" + word(3), 4, "has 3 where 1 is expected"),
        (word(1).encode() + b"2\t\xff\n", 2, "is not UTF-8"),
    ],
)
def test_a_malformed_line_is_named(read, text, line, message):
    with pytest.raises(UserError, match=f"a.conllu, line {line}: {message}") as error:
        read(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "bare", "message"),
    [
        ("a\n", False, "line 1: has 1 columns where 2"),
        ("a\tX\n\nb\tX\tY\n", False, "line 3: has 3 columns where 2"),
        ("a\tX\tY\n", True, "has 3 columns where 1 or 2"),
        ("\tX\n", False, "has no word"),
        ("  \n", True, "has no word"),
        ("a\t\n", False, "has the tag ''"),
        ("a\tX Y\n", True, "has the tag 'X Y'"),
    ],
)
def test_a_malformed_line_of_tsv_is_named(read, text, bare, message):
    with pytest.raises(UserError, match=message):
        read(text, "tsv", "upos", bare)


@given(st.data())
def test_a_damaged_file_is_refused_in_one_line_or_kept_whole(tmp_path_factory, data):
    """Bytes replaced, left out or put in anywhere."""
    path = tmp_path_factory.mktemp("damaged") / "a.conllu"
    raw = bytearray(TEXT.encode("utf-8"))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw)))
        new = data.draw(
            st.sampled_from([b"", b"\t", b"\n", b"\r", b" ", b"#", b"1", b"-", b"\xff"])
        )
        raw[place : place + data.draw(st.integers(0, 2))] = new
    path.write_bytes(raw)
    for form in ("conllu", "tsv"):
        try:
            found = list(read_sentences(path, form, bare=True))
        except UserError as error:
            assert f"{path}, line " in str(error) and "\n" not in str(error)
        else:
            assert "".join(s.retagged(s.tags) for s in found).encode("utf-8") == bytes(raw)


def test_forms_and_columns_that_are_none(tmp_path, read):
    assert form_of(tmp_path / "A.CONLLU.gz") == "conllu" and form_of(tmp_path / "x", "tsv") == "tsv"
    with pytest.raises(UserError, match="neither"):
        form_of(tmp_path / "a.txt")
    with pytest.raises(UserError, match="--format"):
        form_of(tmp_path / "a.tsv", "csv")
    with pytest.raises(UserError, match="choose one of upos"):
        read(TEXT, "conllu", "lemma")


def test_two_files_must_have_the_same_words(tmp_path):
    mine, right = tmp_path / "a.tsv", tmp_path / "b.conllu"
    right.write_text(word(1, "X", "a") + word(2, "Y", "b") + "\n" + word(1, "Z", "c"))
    mine.write_text("a\tX\nb\tX\n\nc\tX\n\n")
    assert read_both(mine, right) == ([("X", "X"), ("X",)], [("X", "Y"), ("Z",)])
    mine.write_text("a\tX\nb\tX\n")
    with pytest.raises(UserError, match=r"a.tsv: ends after 1 sentences"):
        read_both(mine, right)
    mine.write_text("a\tX\n\nb\tX\n")
    with pytest.raises(UserError, match=r"a.tsv, line 1: has the word '' where .*b.conllu has 'b'"):
        read_both(mine, right)


def test_real_trees_are_read_and_kept(real_data):
    """Words of the three parts as the Universal Dependencies count them; each byte as it was."""
    counts = {"train": 204577, "dev": 25147, "test": 25094}
    for part in ("dev", "test"):
        path = real_data("ud_ewt") / f"en_ewt-ud-{part}.conllu.gz"
        found = list(read_sentences(path, "conllu"))
        assert sum(len(s.words) for s in found) == counts[part]
        again = "".join(s.retagged(s.tags) for s in found)
        assert again.encode("utf-8") == gzip.decompress(path.read_bytes())
        assert len({tag for s in found for tag in s.tags}) == 17
