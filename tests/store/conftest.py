"""A run to damage, and the arrays that go into it."""

from pathlib import Path

import numpy as np
import pytest

from phasescope.store.run_folder import RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "runs", "demo", '{"p":113,"seed":0}', {"threads": 1})


@pytest.fixture
def weights():
    """Weights that move smoothly with the step, as training's do: the same step, the same bits."""

    def at(step: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(0)
        return {
            name: (rng.normal(size=shape) + 1e-4 * step * rng.normal(size=shape)).astype(np.float32)
            for name, shape in {
                "embed.W_E": (13, 8),
                "unembed.W_U": (8, 13),
                "blocks.0.mlp.b_in": (5,),
            }.items()
        }

    return at
