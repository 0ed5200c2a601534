"""How fast an ensemble is: 16 members side by side against 16 single runs, as ratios with their spread.

    python -m benchmarks.ensemble --json ensemble.json

Whole runs are timed, from start to finished, disk included. `one_thread` and `all_cores` train one run after
the other in one process that is warm; `ensemble` is `train_all`, a process for each member and as many at a
time as there are cores, and the seconds that each takes to start count, so the shorter the runs, the worse
for it. The members are the mainline over seeds with another modulus: `--p 113` is the mainline itself, and
takes five times as long. Run it on a quiet machine.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.step import members, ratio, steps_per_second, together


def one_by_one(threads: int) -> Callable[[list, str], object]:
    """Train recipes one after the other on so many threads; 0 for one on every core."""
    from phasescope.training.engine import train

    def all_of_them(recipes: list, root: str) -> None:
        for recipe in recipes:
            train(recipe.model_copy(update={"threads": threads}), root=root, show_progress=False)

    return all_of_them


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    parser.add_argument("--members", type=int, default=16)
    parser.add_argument("--p", type=int, default=53, help="modulus")
    parser.add_argument("--steps", type=int, default=500, help="of each member")
    parser.add_argument("--rounds", type=int, default=2, help="how often the three take their turn")
    options = parser.parse_args()
    from phasescope.training.machine import cores

    ways = {"one_thread": one_by_one(1), "all_cores": one_by_one(0), "ensemble": together}
    recipes = members(options.members, options.steps, options.p)
    steps_per_second(members(1, 20, options.p), one_by_one(1))  # whatever is loaded or compiled once
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(options.rounds):
        for way, train in ways.items():
            rates[way].append(steps_per_second(recipes, train))
        print(f"round {turn + 1} of {options.rounds}", file=sys.stderr)

    medians = {way: statistics.median(found) for way, found in rates.items()}
    singles = ("one_thread", "all_cores")
    ratios = {f"ensemble_over_{way}": ratio(rates["ensemble"], rates[way]) for way in singles}
    print(f"\n{options.members} runs of {options.steps} steps mod {options.p}, {cores()} cores")
    for way, rate in medians.items():
        print(f"{way:32}{rate:10.0f} model-steps per second")
    for name, found in ratios.items():
        print(f"{name:32}{found['median']:10.2f}{found['low']:12.2f} – {found['high']:.2f}")
    if options.json:
        result = {name: found["median"] for name, found in ratios.items()}
        result |= {"model_steps_per_second": medians, "spread": ratios, "cores": cores()}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
