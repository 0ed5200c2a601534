"""What a page shows of one checkpoint: spectra, circles and a few numbers, by numpy from the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from phasescope.algebra.fourier import fourier_basis, frequencies, rows_of
from phasescope.algebra.sparsity import gini
from phasescope.store import checkpoints
from phasescope.store.run_folder import RunFolder
from phasescope.viewer.arrays import packed
from phasescope.viewer.problem import Problem
from phasescope.viewer.spectra import irrep_shares, operand_tables


@dataclass(frozen=True, eq=False)
class Frame:
    """One checkpoint as the page shows it.

    Args:
        step: Optimiser steps taken.
        numbers: Plain numbers by the name of their measure.
        norms: For ``W_E`` and ``W_L`` the norm at each frequency 1 .. p//2, cosine and sine together.
        circles: For each frequency the residues in the plane of W_E's own cosine and sine direction,
            made unit vectors; None where the network embeds no residues.
        shares: For the operands' tables and ``W_L`` the part in each irrep; nothing outside a group.
    """

    step: int
    numbers: Mapping[str, float]
    norms: Mapping[str, Float64[np.ndarray, " frequency"]]
    circles: Float64[np.ndarray, "frequency residue 2"] | None
    shares: Mapping[str, Float64[np.ndarray, " irrep"]] = field(default_factory=dict)


def read_frame(folder: RunFolder, step: int, problem: Problem) -> Frame:
    """Read a checkpoint and compute what the page shows of it.

    Args:
        folder: The run's.
        step: One of its checkpoints.
        problem: The run's.

    Raises:
        PhasescopeError: If there is no such checkpoint.
        DamagedFile: If its bits changed.
    """
    return frame_of(step, checkpoints.read(folder, step).tensors, problem)


def frame_of(step: int, tensors: Mapping[str, NDArray[Any]], problem: Problem) -> Frame:
    """Compute what the page shows of a network's weights.

    Args:
        step: Optimiser steps taken.
        tensors: Weights under the models' names.
        problem: What is known of what it computes.

    Example:
        >>> angles = 2 * np.pi * 2 * np.arange(7) / 7
        >>> tensors = {"embed.W_E": np.stack([np.cos(angles), np.sin(angles)], axis=1)}
        >>> frame = frame_of(0, tensors, Problem(p=7))
        >>> frame.norms["W_E"].round(6).tolist()
        [0.0, 2.645751, 0.0]
        >>> float(np.ptp(np.hypot(*frame.circles[1].T)).round(9))  # a circle: one radius
        0.0
    """
    weights = {name: np.asarray(tensor, dtype=np.float64) for name, tensor in tensors.items()}
    squares = {name: float((weight**2).sum()) for name, weight in sorted(weights.items())}
    numbers = {"sum_squared_weights": sum(squares.values())}
    numbers |= {f"sum_squared_weights_per_tensor.{name}": square for name, square in squares.items()}
    tables = tables_of(weights)
    if problem.reading is not None:
        numbers |= problem.reading.losses(weights)
    if problem.irreps:
        out = {"W_L": tables["W_L"]} if "W_L" in tables else {}
        return Frame(step, numbers, {}, None, irrep_shares(operand_tables(weights) | out, problem.irreps))
    if (p := problem.p) is None:
        return Frame(step, numbers, {}, None)
    tables = {name: table for name, table in tables.items() if len(table) >= p}
    basis, norms = fourier_basis(p), {}
    for name, table in tables.items():
        rows = np.linalg.norm(basis @ table[:p], axis=1)
        numbers[f"gini_{name}"] = gini(rows)
        norms[name] = np.array([np.linalg.norm(rows[list(rows_of(p, k))]) for k in frequencies(p)])
    circles = _circles(tables["W_E"][:p], basis) if "W_E" in tables else None
    return Frame(step, numbers, norms, circles)


def frame_records(frames: Sequence[Frame], keys: Sequence[int]) -> dict[str, Any]:
    """Write frames as plain data for the page: float64 numbers, float32 norms and circles.

    Args:
        frames: In the order of steps, all of one run.
        keys: Frequencies whose circles are wanted.

    Returns:
        Columns over frames, arrays packed.
    """
    first = frames[0] if frames else Frame(0, {}, {}, None)
    have_circles = bool(frames) and first.circles is not None
    return {
        "steps": [frame.step for frame in frames],
        "numbers": {n: packed(np.array([f.numbers[n] for f in frames]), "f8") for n in first.numbers},
        "norms": {n: packed(np.array([f.norms[n] for f in frames]), "f4") for n in first.norms},
        "shares": {n: packed(np.array([f.shares[n] for f in frames]), "f4") for n in first.shares},
        "circles": {
            str(k): packed(np.array([_circle(frame, k) for frame in frames]), "f4")
            for k in (keys if have_circles else ())
        },
    }


def _circle(frame: Frame, k: int) -> Float64[np.ndarray, "residue 2"]:
    assert frame.circles is not None, "asked only where there are circles"
    return np.asarray(frame.circles[k - 1])


def tables_of(
    weights: Mapping[str, Float64[np.ndarray, "..."]],
) -> dict[str, Float64[np.ndarray, "row column"]]:
    """The embedding, and the map from the last neurons to the logits, a row for each token or answer."""
    found = {}
    embedding = weights.get("embed.W_E", weights.get("W_x"))
    if embedding is not None:
        found["W_E"] = embedding
    outs = sorted(name for name in weights if name.endswith(".mlp.W_out"))
    unembedding = weights.get("unembed.W_U", None if embedding is None else embedding.T)
    if outs and unembedding is not None:
        found["W_L"] = (weights[outs[-1]] @ unembedding).T
    elif "W_U" in weights:
        found["W_L"] = weights["W_U"].T
    return found


def _circles(
    embedding: Float64[np.ndarray, "residue d_model"], basis: Float64[np.ndarray, "component residue"]
) -> Float64[np.ndarray, "frequency residue 2"]:
    """Residues in the plane of each frequency, as the report's figure has them."""
    p = len(embedding)
    directions = basis @ embedding
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-30)
    seen = embedding @ directions.T
    circles = np.zeros((p // 2, p, 2))
    for k in frequencies(p):
        for axis, row in enumerate(rows_of(p, k)):  # the highest frequency of an even p has a cosine only
            circles[k - 1, :, axis] = seen[:, row]
    return circles
