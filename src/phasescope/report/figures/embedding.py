"""The embedding seen along one frequency: residues on a circle."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from matplotlib.figure import Figure

from phasescope.algebra.fourier import fourier_basis, rows_of
from phasescope.report.style import CYCLIC, FAINT, WIDE, blank, headline, square_panels, styled


@styled
def embedding_circles(
    embedding: Float64[np.ndarray, "residue d_model"],
    key_frequencies: Sequence[int],
    *,
    title: str = "",
) -> Figure:
    """Draw the residues in the plane of each key frequency's cosine and sine direction.

    The plane of frequency k is spanned by the embedding's own cosine and sine direction, made unit vectors.
    The colour is the residue times k, mod p: around a true circle it runs through the wheel once. A thin
    line joins the residues in that order.

    Args:
        embedding: W_E without the row of '='.
        key_frequencies: One panel each; at most five in a row.
        title: The finding; by default how round the circles are.

    Returns:
        A figure as wide as the page.

    Example:
        >>> angles = 2 * np.pi * 3 * np.arange(11) / 11
        >>> figure = embedding_circles(np.stack([np.cos(angles), np.sin(angles)], axis=1), [3])
        >>> points = figure.axes[0].collections[0].get_offsets()
        >>> radii = np.hypot(points[:, 0], points[:, 1])
        >>> float(np.ptp(radii).round(12))
        0.0
    """
    p = len(embedding)
    basis = fourier_basis(p)
    columns = min(5, len(key_frequencies))
    rows = math.ceil(len(key_frequencies) / columns)
    side = (WIDE - 0.8) / columns
    figure = blank(min(WIDE, 1.2 + 2.6 * columns), 0.4 + rows * (0.85 * min(side, 2.6) + 0.5))
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    uneven = {}
    for axes, k in zip(grid, key_frequencies, strict=False):
        directions = basis[list(rows_of(p, k))] @ embedding
        directions = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-30)
        points = embedding @ directions.T
        if points.shape[1] == 1:  # the highest frequency of an even modulus has a cosine only
            points = np.concatenate([points, np.zeros_like(points)], axis=1)
        radii = np.linalg.norm(points, axis=1)
        uneven[k] = float(radii.std() / max(radii.mean(), 1e-30))
        turn = np.arange(p) * k % p
        around = np.argsort(turn, kind="stable")
        axes.plot(*points[np.append(around, around[0])].T, color=FAINT, linewidth=0.5, alpha=0.6, zorder=1)
        image = axes.scatter(
            points[:, 0], points[:, 1], c=turn / p, cmap=CYCLIC, vmin=0, vmax=1, s=13, zorder=2
        )
        reach = 1.12 * float(np.abs(points).max())
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), box_aspect=1)
        axes.locator_params(nbins=3)
        axes.set_title(f"k = {k}", fontsize=9, pad=4)
        axes.set_xlabel("cosine direction")
        axes.tick_params(labelsize=7)
    for axes in grid[len(key_frequencies) :]:
        axes.remove()
    for axes in grid[::columns]:
        axes.set_ylabel("sine direction")
    figure.colorbar(
        image, ax=list(grid[: len(key_frequencies)]), label="(residue × k mod p) / p",
        shrink=0.8, pad=0.01, aspect=25, ticks=[0, 0.5, 1],
    )  # fmt: skip
    headline(figure, title or _finding({k: part for k, part in uneven.items() if 2 * k != p}))
    square_panels(figure)
    return figure


def _finding(uneven: dict[int, float]) -> str:
    """Say by how much the distance from the middle varies, which it does not on a circle."""
    if not uneven:
        return "The highest frequency of an even modulus has a line, not a circle"
    low, high = min(uneven.values()), max(uneven.values())
    span = f"{low:.1%}" if f"{low:.1%}" == f"{high:.1%}" else f"{low:.1%} to {high:.1%}"
    where = "this circle" if len(uneven) == 1 else "these circles"
    return f"On {where} of the embedding the radius varies by {span} (standard deviation over mean)"
