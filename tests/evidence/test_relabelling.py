"""Labels that mean something beat relabelling; labels that mean nothing do so as often as p says."""

import numpy as np
import pytest

from phasescope.errors import PhasescopeError
from phasescope.evidence.relabelling import best_purity, neighbour_purity

LABELS = np.repeat(np.arange(6), 5)


def clusters(seed):
    generator = np.random.default_rng(seed)
    return 10 * np.eye(6)[LABELS] + generator.normal(size=(30, 6))


def test_separate_clusters_are_pure_and_beyond_all_relabellings():
    found = best_purity(clusters(0), [LABELS])
    assert found.value == 1.0
    assert found.p == 1 / 1000
    # by chance 4 of the 29 others share a label
    assert found.chance == pytest.approx(4 / 29, abs=0.01)


def test_labels_without_meaning_have_an_even_p():
    points = np.random.default_rng(1).normal(size=(30, 3))
    generator = np.random.default_rng(2)
    ps = [best_purity(points, [generator.permutation(LABELS)], seed).p for seed in range(20)]
    assert 0.3 < np.mean(ps) < 0.7
    assert sum(p < 0.05 for p in ps) <= 4


def test_the_best_of_many_labellings_is_held_against_the_best_of_as_many():
    points = np.random.default_rng(1).normal(size=(30, 3))
    generator = np.random.default_rng(3)
    many = [generator.permutation(LABELS) for _ in range(30)]
    one, best = best_purity(points, many[:1]), best_purity(points, many)
    assert best.value > one.chance
    assert best.chance > one.chance + 0.05
    assert best.p > 0.01


def test_purity_by_hand():
    points = np.array([[0.0], [1.0], [1.5], [5.0], [9.0]])
    # 0's nearest is 1 (same), 1's is 1.5 (other), 1.5's is 1 (other), 5's is 1.5 (same); 9 is alone
    assert neighbour_purity(points, np.array([0, 0, 1, 1, 2])) == pytest.approx(2 / 4)


def test_no_labelling_is_refused():
    with pytest.raises(PhasescopeError, match="at least one labelling"):
        best_purity(clusters(0), [])
