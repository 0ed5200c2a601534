"""How fast an ensemble is: 16 members side by side, and as one network, against 16 single runs.

    python -m benchmarks.ensemble --json ensemble.json

`one_thread` and `all_cores` train one run after the other in one process that is warm; `ensemble` is
`train_all`, a process for each member and as many at a time as there are cores; `stacked` trains them as one
network, on one thread or on `--device cuda`. Whole runs are timed, disk included, once with a few steps and
once with all: the steps between, over the time between, are the rate of runs that are under way, and the
short ones say what it takes to start. The members are the mainline over seeds with another modulus; `--p 113`
is the mainline itself and takes five times as long. Run it on a quiet machine.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.step import members, ratio, seconds, together

FEW = 20


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
    parser.add_argument("--width", type=int, default=128, help="d_model; d_mlp is four times as wide")
    parser.add_argument("--device", default="cpu", help="where the stack is")
    parser.add_argument("--steps", type=int, default=500, help="of each member")
    parser.add_argument("--rounds", type=int, default=2, help="how often the three take their turn")
    options = parser.parse_args()
    from phasescope.training.ensemble import train_all
    from phasescope.training.machine import cores

    def as_one(recipes: list, root: str) -> None:
        train_all(recipes, root, stacked=options.device, show_progress=False)

    ways = {"one_thread": one_by_one(1), "all_cores": one_by_one(0), "ensemble": together, "stacked": as_one}
    size = options.p, options.width
    few, all_steps = (members(options.members, steps, *size) for steps in (FEW, options.steps))
    seconds(few[:1], one_by_one(1))  # whatever is loaded or compiled once
    rates: dict[str, list[float]] = {way: [] for way in ways}
    starts: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(options.rounds):
        for way, train in ways.items():
            short, whole = seconds(few, train), seconds(all_steps, train)
            rates[way].append(options.members * (options.steps - FEW) / (whole - short))
            starts[way].append(short / options.members)
        print(f"round {turn + 1} of {options.rounds}", file=sys.stderr)

    medians = {way: statistics.median(found) for way, found in rates.items()}
    start_up = {way: statistics.median(found) for way, found in starts.items()}
    singles = ("one_thread", "all_cores")
    ratios = {
        f"{way}_over_{single}": ratio(rates[way], rates[single])
        for way in ("ensemble", "stacked")
        for single in singles
    }
    print(
        f"\n{options.members} runs of {options.steps} steps mod {options.p}, d_model {options.width}, "
        f"{cores()} cores, stacked on {options.device}"
    )
    for way, rate in medians.items():
        print(f"{way:32}{rate:10.0f} model-steps per second, {start_up[way]:.1f} s to start a run")
    for name, found in ratios.items():
        print(f"{name:32}{found['median']:10.2f}{found['low']:12.2f} – {found['high']:.2f}")
    if options.json:
        result = {name: found["median"] for name, found in ratios.items()}
        result |= {"model_steps_per_second": medians, "start_up_seconds": start_up}
        result |= {"spread": ratios, "cores": cores(), "device": options.device}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
