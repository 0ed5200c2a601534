import hashlib
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from phasescope.errors import DamagedFile, PhasescopeError
from phasescope.store.sealed import Snapshot, read_sealed, seal, unseal, write_sealed

NAME = "000000100.safetensors"


@pytest.fixture
def small() -> bytes:
    tensors = {"W_E": np.arange(6, dtype=np.float32).reshape(3, 2), "b": np.array([7, -7])}
    return seal(Snapshot("checkpoint", 100, tensors, {"seed": "0"}))


@pytest.fixture
def mainline() -> bytes:
    """As large as a checkpoint of the published run."""
    values = np.random.default_rng(0).normal(size=226_688).astype(np.float32)
    return seal(Snapshot("checkpoint", 100, {"all": values}, {}))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24.0).reshape(2, 3, 4),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(20.0)[::3],
        np.arange(12.0).reshape(3, 4).T[1:, ::2],
        np.array(3.5),
        np.zeros((0, 4), np.float32),
        np.array([True, False]),
        np.array([1, 2], np.uint64),
        np.array([1.5, 2.5], ">f4"),
        np.array([1 + 2j], np.complex64),
        np.array([np.nan, np.inf, -0.0]),
    ],
)
def test_arrays_come_back_as_they_were(array):
    back = unseal(seal(Snapshot("state", 3, {"x": array}, {})), Path(NAME)).tensors["x"]
    assert back.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(back, array)
    assert back.shape == array.shape
    assert back.flags.writeable


def test_facts_come_back_as_they_were():
    facts = {"task": 'a+b mod "113"', "σ": "\n\\", "sha256": "0" * 64}
    back = unseal(seal(Snapshot("state", 12, {}, facts)), Path(NAME))
    assert (back.kind, back.step, back.metadata, back.tensors) == ("state", 12, facts, {})


def test_the_same_snapshot_gives_the_same_bytes_in_any_order():
    a, b = np.arange(3), np.ones(2)
    one = seal(Snapshot("checkpoint", 1, {"a": a, "b": b}, {"x": "1", "y": "2"}))
    other = seal(Snapshot("checkpoint", 1, {"b": b, "a": a}, {"y": "2", "x": "1"}))
    assert one == other


def test_any_reader_of_safetensors_opens_it(tmp_path, small):
    (tmp_path / NAME).write_bytes(small)
    with safe_open(tmp_path / NAME, framework="np") as file:
        assert file.get_tensor("W_E").sum() == 15
        assert list(file.metadata()) == ["phasescope"]


@pytest.mark.parametrize("array", [np.array([object()]), np.array(["text"]), np.zeros(2, np.complex128)])
def test_what_the_format_cannot_hold_is_refused(array):
    with pytest.raises(PhasescopeError, match=f"got .*{array.dtype}"):
        seal(Snapshot("checkpoint", 1, {"x": array}, {}))


def test_every_flipped_bit_of_a_small_file_is_detected_and_named(small):
    for bit in range(8 * len(small)):
        damaged = bytearray(small)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DamagedFile, match=NAME):
            unseal(bytes(damaged), Path(NAME))


def test_a_thousand_flipped_bits_of_a_large_file_are_detected_and_named(mainline):
    rng = np.random.default_rng(0)
    for bit in rng.integers(8 * len(mainline), size=1000):
        damaged = bytearray(mainline)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DamagedFile, match=NAME):
            unseal(bytes(damaged), Path(NAME))


def test_every_truncation_is_detected(small):
    for length in range(len(small)):
        for tail in (b"", bytes(len(small) - length)):
            damaged = small[:length] + tail
            if damaged != small:
                with pytest.raises(DamagedFile, match=NAME):
                    unseal(damaged, Path(NAME))


def test_a_sealed_file_of_somebody_else_is_refused():
    """A right digest over wrong content: made on purpose, and still one line."""
    zeros = b"0" * 64
    for ending in (b'\\"}"}}', b'\\","}}', b""):
        header = b'{"__metadata__":{"phasescope":"{\\"sha256\\":\\"' + zeros + ending
        blank = len(header).to_bytes(8, "little") + header
        data = blank.replace(zeros, hashlib.sha256(blank).hexdigest().encode())
        with pytest.raises(DamagedFile, match=NAME):
            unseal(data, Path(NAME))


def test_a_file_under_another_name_is_named(tmp_path):
    path = tmp_path / NAME
    write_sealed(path, Snapshot("checkpoint", 300, {}, {}))
    with pytest.raises(
        DamagedFile, match=r"holds the checkpoint of step 300, not the checkpoint of step 100"
    ):
        read_sealed(path, "checkpoint", 100)
    with pytest.raises(DamagedFile, match=r"holds the checkpoint of step 300, not the state of step 300"):
        read_sealed(path, "state", 300)


def test_what_is_missing_or_unreadable_is_one_line(tmp_path):
    with pytest.raises(PhasescopeError, match="there is no state of step 100"):
        read_sealed(tmp_path / NAME, "state", 100)
    (tmp_path / NAME).mkdir()
    with pytest.raises(DamagedFile, match="cannot be read: Is a directory"):
        read_sealed(tmp_path / NAME, "state", 100)
