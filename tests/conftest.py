"""Tests run side by side, so each takes one thread; and where weights that others published may lie."""

import os
from pathlib import Path

import pytest

os.environ["OMP_NUM_THREADS"] = "1"  # two tests that each spin two threads on two cores crawl


@pytest.fixture(scope="session")
def model_a() -> Path:
    """Model A of zhong2023, from PHASESCOPE_SHARED_DATA or ../shared/data; without it the test is skipped."""
    beside = Path(__file__).parents[1].parent / "shared/data"
    file = Path(os.environ.get("PHASESCOPE_SHARED_DATA") or beside) / "zhong2023/model_p99zdpze5l.pt"
    if not file.is_file():
        pytest.skip(f"no {file.name} of zhong2023 in ../shared/data or PHASESCOPE_SHARED_DATA")
    return file
