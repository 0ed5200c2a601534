"""Sinusoidal positions, against the formula and its geometry."""

import math

import torch

from phasescope.models.positions import sinusoidal_positions


def test_every_entry_is_the_formula_of_vaswani():
    rows = sinusoidal_positions(7, 10)
    for pos in range(7):
        for i in range(5):
            angle = pos / 10_000 ** (2 * i / 10)
            assert abs(float(rows[pos, 2 * i]) - math.sin(angle)) < 1e-15
            assert abs(float(rows[pos, 2 * i + 1]) - math.cos(angle)) < 1e-15


def test_the_product_of_two_rows_depends_on_their_distance_alone():
    rows = sinusoidal_positions(9, 16)
    products = rows @ rows.T
    for distance in range(9):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand_as(along), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(products.diagonal(), torch.full((9,), 8.0, dtype=torch.float64))
