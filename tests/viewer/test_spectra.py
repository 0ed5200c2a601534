"""The spectrum by irrep, read off a checkpoint without torch, is that of the measures."""

import json

import numpy as np
import pytest

from phasescope.measures.context import Context
from phasescope.measures.measure import measure
from phasescope.models.build import build_model
from phasescope.models.config import EmbeddingMLPConfig, TransformerConfig, shape_for
from phasescope.tasks.config import GroupTask
from phasescope.tasks.split import SplitConfig
from phasescope.training.recipe import Recipe
from phasescope.viewer.frames import frame_of
from phasescope.viewer.problem import problem_from

NETWORKS = [
    EmbeddingMLPConfig(d_embed=6, d_hidden=10),
    EmbeddingMLPConfig(d_embed=10, d_hidden=10, combine="sum", tied=True),
    TransformerConfig(d_model=12, n_heads=3, d_head=4, d_mlp=20),
]


@pytest.mark.parametrize("group", ["S4", "D5", "D6"])
@pytest.mark.parametrize("config", NETWORKS, ids=lambda config: config.kind)
def test_shares_are_those_of_the_measures(config, group):
    task, split = GroupTask(group=group), SplitConfig(kind="nanda2023", fraction=0.5, seed=0)
    problem = problem_from(Recipe(task=task, split=split, model=config).canonical_json())
    built = task.build()
    model = build_model(config, shape_for(config, built.n_elements, built.d_vocab, built.n_ctx), seed=0)
    weights = {name: weight.detach().numpy() for name, weight in model.named_parameters()}
    frame = frame_of(0, weights, problem)
    names = ("irrep_share_left", "irrep_share_right", "irrep_share_unembedding")
    expected = measure(Context(model, built, split.split(built)), names)
    tables = ("W_a", "W_b", "W_L") if config.kind == "embedding_mlp" else ("W_E", "W_E", "W_L")
    assert set(frame.shares) == set(tables)
    irreps = [rho.name for rho in problem.irreps]
    assert irreps[0] == "trivial"
    for table, name in zip(tables, names, strict=True):
        share = dict(zip(irreps, frame.shares[table].tolist(), strict=True))
        assert sum(share.values()) == pytest.approx(1)
        share.pop("trivial")  # the measures leave the constant out
        assert share == pytest.approx(expected[name], abs=1e-6)


def test_a_planted_irrep_is_alone():
    problem = problem_from('{"task": {"kind": "group", "group": "S4"}}')
    standard = problem.irreps[3]
    table = standard.matrices.reshape(24, -1) @ np.random.default_rng(0).standard_normal((9, 4))
    share = frame_of(0, {"embed.W_E": table}, problem).shares["W_E"]
    np.testing.assert_allclose(share, np.eye(5)[3], atol=1e-12)


@pytest.mark.parametrize(
    ("task", "p", "n"),
    [
        ({"kind": "group", "group": "C7"}, 7, 0),
        ({"kind": "group", "group": "S3", "word": "aba^-1"}, None, 3),
        ({"kind": "table", "table": [[0, 1], [1, 0]]}, None, 2),
        ({"kind": "table", "table": [[0, 1], [1, 1]]}, None, 0),
        ({"kind": "group", "group": "S6"}, None, 0),
        ({"kind": "modular", "p": 5000}, None, 0),
        ({"kind": "no such"}, None, 0),
    ],
)
def test_which_problems_have_a_spectrum(task, p, n):
    problem = problem_from(json.dumps({"task": task}))
    assert (problem.p, len(problem.irreps), problem.reading) == (p, n, None)
