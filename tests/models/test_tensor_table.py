"""The table of tensors shows names as text, whatever they hold."""

import re

import pytest
import torch

from phasescope.models.tensor_table import tensor_table


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a&b'\""])
def test_names_and_title_are_never_live(hostile):
    page = tensor_table(hostile, {hostile: torch.ones(1)})
    assert set(re.findall(r"<(/?\w+)", page)) == {
        *("table", "/table", "caption", "/caption", "tr", "/tr", "th", "/th", "td", "/td")
    }


def test_norms_are_euclidean():
    page = tensor_table("t", {"W": torch.tensor([[3.0, 4.0]]), "scalar": torch.tensor(-2.0)})
    assert "<td>W</td><td>1 x 2</td><td>5</td>" in page
    assert "<td>scalar</td><td></td><td>2</td>" in page
