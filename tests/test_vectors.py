import io
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.data.vectors import pad_vectors, read_vectors
from seqgen.errors import UserError


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "int16", "uint8"])
def test_numbers_of_any_type_are_read_as_float32(tmp_path, kind):
    values = np.arange(12).reshape(4, 3).astype(kind)
    np.save(tmp_path / "a.npy", values)
    found = read_vectors(tmp_path / "a.npy", width=3)
    assert found.dtype == np.float32 and np.array_equal(found, values.astype(np.float32))
    np.save(tmp_path / "a.npy", np.asfortranarray(values))
    assert np.array_equal(read_vectors(tmp_path / "a.npy"), values)


def whole():
    file = io.BytesIO()
    np.save(file, np.ones((4, 3)))
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.ones(3), r"holds float64 \[3\] where numbers \[positions, width\]"),
        (np.ones((2, 3, 4)), r"\[2, 3, 4\]"),
        (np.array([["a"]]), "where numbers"),
        (np.ones((2, 2), complex), "where numbers"),
        (np.ones((0, 3)), r"empty sequence: \[0, 3\]"),
        (np.ones((2, 4)), "vectors of 4 numbers where 3 are expected"),
        (np.array([[1, 1, 1], [1, np.nan, 1]]), "NaN or infinity at position 1"),
        (np.array([[1e300, 1, 1]]), "NaN or infinity at position 0"),
        (np.array([[None]]), "is no .npy file of numbers"),
        (whole()[:-5], "cut off"),
        (b"", "is no .npy file"),
        (b"RIFF wave", "is no .npy file"),
        (pickle.dumps([1, 2]), "is no .npy file"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, data, message):
    path = tmp_path / "a.npy"
    if isinstance(data, bytes):
        path.write_bytes(data)
    else:
        np.save(path, data, allow_pickle=True)
    with pytest.raises(UserError, match=message) as caught:
        read_vectors(path, width=3)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_file_a_folder_and_an_archive(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        read_vectors(tmp_path / "none.npy")
    with pytest.raises(UserError, match="is a folder"):
        read_vectors(tmp_path)
    np.savez(tmp_path / "a.npz", np.ones((2, 3)))
    with pytest.raises(UserError, match=r"holds .npz"):
        read_vectors(tmp_path / "a.npz")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_damage_is_one_line_or_an_array(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.npy"
    file = bytearray(whole())
    for place in data.draw(st.lists(st.integers(0, len(file) - 1), max_size=4)):
        file[place] = data.draw(st.integers(0, 255))
    path.write_bytes(file[: data.draw(st.integers(0, len(file)))])
    try:
        found = read_vectors(path)
    except UserError:
        return
    assert found.ndim == 2 and np.isfinite(found).all()


def test_rows_are_padded_with_zeros():
    rows = [np.full((n, 2), n, np.float32) for n in (1, 3)]
    padded, mask = pad_vectors(rows)
    assert padded.shape == (2, 3, 2) and padded.dtype == np.float32
    assert mask.tolist() == [[True, False, False], [True, True, True]]
    assert not padded[~mask].any() and (padded[1] == 3).all()
    for wrong in ([], [*rows, np.ones((2, 5), np.float32)]):
        with pytest.raises(UserError, match="wide"):
            pad_vectors(wrong)
