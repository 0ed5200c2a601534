"""Parts of a network's circuit over checkpoints, asked for by name: scores, a neuron, the logits of a pair."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phasescope.errors import PhasescopeError
from phasescope.store.run_folder import RunFolder
from phasescope.viewer.arrays import packed
from phasescope.viewer.circuit import Circuit, logits, neuron_inputs, scores
from phasescope.viewer.frame_cache import read_own

MOST_AT_ONCE = 12
_NAME = re.compile(r"(scores)|neuron-(\d{1,5})|logits-(\d{1,3})-(\d{1,3})")


def part(circuit: Circuit, weights: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    """Return one part of a network.

    Args:
        circuit: Of the recipe.
        weights: Of a checkpoint, float64.
        name: ``scores``, ``neuron-12`` or ``logits-3-5``.

    Raises:
        PhasescopeError: If the network has no such part.
    """
    found = _NAME.fullmatch(name)
    if found and found[1] and circuit.heads:
        return scores(circuit, weights).ravel()
    if found and found[2] and int(found[2]) < circuit.neurons:
        return neuron_inputs(circuit, weights, int(found[2]))
    if found and found[3] and max(int(found[3]), int(found[4])) < circuit.n:
        return logits(circuit, weights, int(found[3]), int(found[4]))
    raise PhasescopeError(f"the network has no part {name!r:.40}; try scores, neuron-0 or logits-0-0")


def part_records(
    folder: RunFolder, circuit: Circuit, steps: Sequence[int], names: Sequence[str]
) -> dict[str, Any]:
    """Write parts of some checkpoints as plain data for the page: neurons as float16, the others as float32.

    Args:
        folder: The run's.
        circuit: Of its recipe.
        steps: Checkpoints, rising.
        names: Which parts.

    Returns:
        Steps, the parts packed, a row each, and what is known of the pairs asked for.

    Raises:
        PhasescopeError: If a checkpoint or a part is not there.
        DamagedFile: If a checkpoint's bits changed.
    """
    rows: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    for step in steps:
        tensors = read_own(folder, step)
        weights = {name: np.asarray(tensor, np.float64) for name, tensor in tensors.items()}
        for name in names:
            rows[name].append(part(circuit, weights, name))
    pairs = [found for name in names if (found := _NAME.fullmatch(name)) and found[3]]
    return {
        "steps": list(steps),
        "parts": {
            name: packed(np.array(found), "f2" if name.startswith("neuron") else "f4")
            for name, found in rows.items()
        },
        "pairs": [circuit.pair_record(int(found[3]), int(found[4])) for found in pairs],
    }
