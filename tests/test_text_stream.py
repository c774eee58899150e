import gzip

import numpy as np
import pytest

from seqgen.data.store import Store
from seqgen.data.text_stream import count_characters, prepare_text, read_text
from seqgen.errors import UserError
from seqgen.running_text import TextDecoder, encode_text
from seqgen.text import TextConfig, Tokenizer

TEXT = "one two\n\n  three\nfour"
CHARS = Tokenizer.train([TEXT], TextConfig("char", 400, byte_fallback=True, exact=True))


def test_lines_are_cut_at_any_two_characters(tmp_path):
    path, whole = tmp_path / "a.txt.gz", TEXT + "\n"
    path.write_bytes(gzip.compress(TEXT.encode()))
    assert count_characters(path) == len(whole)
    for begin in range(len(whole) + 2):
        assert "".join(read_text(path, begin)) == whole[begin:]
        for end in range(begin, len(whole) + 2):
            assert "".join(read_text(path, begin, end)) == whole[begin:end]


def test_the_store_is_the_stream_of_the_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(TEXT)
    store = prepare_text(path, CHARS, tmp_path / "store", 2, 15)
    stream = Store.open(tmp_path / "store").columns["text"].tokens
    assert stream.tolist() == encode_text(CHARS, TEXT[2:15])
    assert stream.dtype == np.uint16
    assert store.info.settings["characters"] == 13 == len(stream)
    assert "".join(TextDecoder(CHARS).decode(stream)) == TEXT[2:15]


def test_no_text_and_foreign_folders_are_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("")
    with pytest.raises(UserError, match="no text"):
        prepare_text(path, CHARS, tmp_path / "store")
    with pytest.raises(UserError, match="other things"):
        prepare_text(path, CHARS, tmp_path)
