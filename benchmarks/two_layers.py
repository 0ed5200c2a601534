"""How fast a step of the two-layer network of power2022 is: ours beside a plain loop, in turn.

    python -m benchmarks.two_layers --json two_layers.json

All train a / b mod 97 in batches of 512 on one thread, each in a process of its own, and what is printed are
ratios round by round, by the clock on the wall and by the processor's time (which a busy machine moves less).
`plain_over_engine` holds a module that multiplies everything out, with torch as it comes, against ours;
`plain_over_torch` against ours without a compiler; `engine_over_floor` holds ours against its own matrix
products alone.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

from benchmarks.step import ratio, run_loop

LOOPS = ("plain_two_layers", "torch_two_layers", "two_layers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    parser.add_argument("--rounds", type=int, default=5, help="how often the loops take their turn")
    parser.add_argument("--steps", type=int, default=20, help="timed steps per loop and round")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    found = {loop: [] for loop in LOOPS}
    for turn in range(options.rounds):
        for loop in LOOPS:
            found[loop].append(run_loop(loop, options.threads, options.steps))
        print(f"round {turn + 1} of {options.rounds}", file=sys.stderr)
    gigaflop = found["two_layers"][-1]["gigaflop"]
    result = {"gigaflop": gigaflop, "way": found["two_layers"][-1]["way"]}
    for clock, median, floor in (("wall", "median", "floor"), ("cpu", "cpu", "floor_cpu")):
        times = {
            (loop, label): [each[label][median] for each in rounds]
            for loop, rounds in found.items()
            for label in ("train", "train_and_test")
        }
        floors = [each[floor] for each in found["two_layers"]]
        plain, ours = ("plain_two_layers", "train"), ("two_layers", "train")
        ratios = {
            "plain_over_engine": ratio(times[plain], times[ours]),
            "plain_over_engine_train_and_test": ratio(
                times["plain_two_layers", "train_and_test"], times["two_layers", "train_and_test"]
            ),
            "plain_over_torch": ratio(times[plain], times["torch_two_layers", "train"]),
            "engine_over_floor": ratio(times[ours], floors),
        }
        milliseconds = {loop: statistics.median(times[loop, "train"]) for loop in LOOPS}
        print(f"by {clock} time")
        for loop, value in milliseconds.items():
            print(f"  {loop:32}{value:10.1f} ms a step")
        print(f"  {'floor of two_layers':32}{statistics.median(floors):10.1f} ms ({gigaflop:.2f} GFLOP)")
        for name, each in ratios.items():
            print(f"  {name:32}{each['median']:10.2f}{each['low']:12.2f} – {each['high']:.2f}")
        result[clock] = {"ratios": ratios, "milliseconds": milliseconds}
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
