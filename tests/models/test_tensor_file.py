"""Tensors out of strangers' files: a bomb is refused before it unpacks."""

import io
import zipfile

import pytest
import safetensors.torch
import torch

from phasescope.errors import DamagedFile, PhasescopeError
from phasescope.models.tensor_file import parse_safetensors, parse_torch, read_bytes


def torch_bytes(content):
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def test_tensors_come_as_they_are():
    W = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for file in (parse_torch(torch_bytes({"W": W})), parse_safetensors(safetensors.torch.save({"W": W}))):
        assert torch.equal(file.tensors["W"], W)
        assert file.step is None


@pytest.mark.parametrize("epoch", [None, 3.5, True, "7", torch.tensor(3)])
def test_a_step_is_a_whole_number_or_left_out(epoch):
    assert parse_torch(torch_bytes({"model": {"W": torch.ones(2)}, "epoch": epoch})).step is None


def test_a_zip_that_unpacks_to_more_than_its_size_is_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    with pytest.raises(DamagedFile, match="unpacks to 10,000,000 bytes"):
        parse_torch(file.getvalue())


def test_a_tensor_larger_than_its_memory_is_refused():
    vast = torch.zeros(1).expand(1 << 40)
    with pytest.raises(PhasescopeError, match="needs names with plain tensors; got Tensor at 'W'"):
        parse_torch(torch_bytes({"W": vast}))


@pytest.mark.parametrize("value", [torch.eye(2).to_sparse(), [1.0], "W", None])
def test_what_is_no_plain_tensor_is_refused(value):
    with pytest.raises(PhasescopeError, match="needs names with plain tensors"):
        parse_torch(torch_bytes({"W": value}))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x80\x04.", bytes(64), b"\xff" * 100])
def test_what_is_no_file_of_torch_or_safetensors_is_damaged(data):
    with pytest.raises(DamagedFile):
        parse_torch(data)
    with pytest.raises(DamagedFile):
        parse_safetensors(data)


def test_a_file_is_weighed_before_it_is_read(tmp_path):
    path = tmp_path / "large.pt"
    with path.open("wb") as file:
        file.truncate(1 << 33)  # 8 GiB of nothing, of which no byte is stored
    with pytest.raises(PhasescopeError, match="at most 1,073,741,824 bytes; got 8,589,934,592"):
        read_bytes(path)
