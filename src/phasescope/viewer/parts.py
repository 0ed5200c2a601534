"""Parts of a network over checkpoints, by name: scores, a neuron, the logits of a pair, heads on an input."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phasescope.errors import PhasescopeError
from phasescope.store.run_folder import RunFolder, steps_in
from phasescope.viewer.arrays import packed
from phasescope.viewer.circuit import Circuit, circuit_of, logits, neuron_inputs, scores, telling_neurons
from phasescope.viewer.frame_cache import read_own
from phasescope.viewer.frames import tables_of
from phasescope.viewer.problem import problem_of
from phasescope.viewer.reading import Reading, reading_bytes, reading_names

MOST_AT_ONCE = 12
_NAME = re.compile(r"(scores)|neuron-(\d{1,5})|logits-(\d{1,3})-(\d{1,3})")


def circuit_record(folder: RunFolder, keys: Sequence[int]) -> dict[str, Any] | None:
    """Write what the page needs to show a run's circuit, with neurons and pairs to begin with.

    Args:
        folder: The run's.
        keys: Its key frequencies.

    Returns:
        Plain data; None where there is no checkpoint yet or the network cannot be taken apart.
    """
    circuit, steps = _circuit(folder), steps_in(folder.checkpoints)
    if circuit is None or not steps:
        return None
    W_L = tables_of(_weights(folder, steps[-1]))["W_L"]
    chosen = telling_neurons(circuit, W_L, problem_of(folder).p, keys)
    return circuit.record() | {"telling": chosen}


def part(network: Circuit | Reading, weights: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    """Return one part of a network.

    Args:
        network: How the recipe's is taken apart.
        weights: Of a checkpoint, float64.
        name: ``scores``, ``neuron-12`` or ``logits-3-5``; ``attention-3-5-1`` and ``answers-3-5-1`` where
            the network reads sequences.

    Raises:
        PhasescopeError: If the network has no such part.
    """
    if isinstance(network, Reading):
        return network.part(weights, name)
    found = _require(network, name)
    if found[1]:
        return scores(network, weights).ravel()
    if found[2]:
        return neuron_inputs(network, weights, int(found[2]))
    return logits(network, weights, int(found[3]), int(found[4]))


def part_names(circuit: Mapping[str, Any] | None, reading: Mapping[str, Any] | None = None) -> list[str]:
    """Return the parts that a file holds: attention, the neurons and the pairs or inputs to begin with.

    Args:
        circuit: What ``circuit_record`` wrote.
        reading: What ``Reading.record`` wrote.

    Example:
        >>> part_names({"heads": 0, "telling": [12], "suggested": [{"a": 3, "b": 5}]})
        ['neuron-12', 'logits-3-5']
    """
    if circuit is None:
        return [] if reading is None else reading_names(reading)
    names = ["scores"] if circuit["heads"] else []
    names += [f"neuron-{neuron}" for neuron in circuit["telling"]]
    return names + [f"logits-{pair['a']}-{pair['b']}" for pair in circuit["suggested"]]


def part_bytes(circuit: Mapping[str, Any] | None, reading: Mapping[str, Any] | None = None) -> int:
    """Return how many bytes those take for each checkpoint."""
    if circuit is None:
        return 0 if reading is None else reading_bytes(reading)
    places = 2 * circuit["n"] + circuit["fixed"]
    return int(
        4 * circuit["heads"] * places
        + 2 * len(circuit["telling"]) * (max(circuit["heads"], 1) * places + 1)
        + 4 * len(circuit["suggested"]) * circuit["n"]
    )


def part_records(folder: RunFolder, steps: Sequence[int], names: Sequence[str]) -> dict[str, Any]:
    """Write parts of some checkpoints as plain data for the page.

    Neurons and attention patterns go as float16, the others as float32.

    Args:
        folder: The run's.
        steps: Checkpoints, rising.
        names: Which parts.

    Returns:
        Steps, the parts packed, a row each, and what is known of the pairs asked for.

    Raises:
        PhasescopeError: If the network cannot be taken apart, or a checkpoint or a part is not there.
        DamagedFile: If a checkpoint's bits changed.
    """
    circuit = _circuit(folder)
    network = circuit or problem_of(folder).reading
    if network is None:
        raise PhasescopeError("this network cannot be taken apart")
    for name in names:
        network.require(name) if isinstance(network, Reading) else _require(network, name)
    rows: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    for step in steps:
        weights = _weights(folder, step)
        for name in names:
            rows[name].append(part(network, weights, name))
    pairs = [found for name in names if (found := _NAME.fullmatch(name)) and found[3]]
    return {
        "steps": list(steps),
        "parts": {
            name: packed(np.array(found), "f2" if name.startswith(("neuron", "attention")) else "f4")
            for name, found in rows.items()
        },
        "pairs": [] if circuit is None else [circuit.pair_record(int(f[3]), int(f[4])) for f in pairs],
    }


def _require(circuit: Circuit, name: str) -> re.Match[str]:
    """The parsed name of a part, if the network has it."""
    found = _NAME.fullmatch(name)
    if found is None or not (
        (found[1] and circuit.heads)
        or (found[2] and int(found[2]) < circuit.neurons)
        or (found[3] and max(int(found[3]), int(found[4])) < circuit.n)
    ):
        raise PhasescopeError(f"the network has no part {name!r:.40}; try neuron-0 or logits-0-0")
    return found


def _circuit(folder: RunFolder) -> Circuit | None:
    try:
        return circuit_of(folder.recipe_json())
    except OSError:
        return None


def _weights(folder: RunFolder, step: int) -> dict[str, NDArray[Any]]:
    return {name: np.asarray(tensor, np.float64) for name, tensor in read_own(folder, step).items()}
