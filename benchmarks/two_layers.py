"""How fast a step of the two-layer network of power2022 is: ours beside a plain loop, in turn.

    python -m benchmarks.two_layers --json two_layers.json

Both train a / b mod 97 in batches of 512 on one thread, each in a process of its own, and what is printed are
ratios round by round. `plain_over_engine` holds a module that multiplies everything out, with torch as it
comes, against ours; `engine_over_floor` holds ours against its own matrix products alone.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

from benchmarks.step import ratio, run_loop

LOOPS = ("plain_two_layers", "two_layers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    parser.add_argument("--rounds", type=int, default=5, help="how often the loops take their turn")
    parser.add_argument("--steps", type=int, default=20, help="timed steps per loop and round")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    times = {loop: {"train": [], "train_and_test": []} for loop in LOOPS}
    floors, gigaflop = [], 0.0
    for turn in range(options.rounds):
        for loop in LOOPS:
            found = run_loop(loop, options.threads, options.steps)
            for label, series in times[loop].items():
                series.append(found[label]["median"])
            if "floor" in found:
                floors.append(found["floor"])
                gigaflop = found["gigaflop"]
        print(f"round {turn + 1} of {options.rounds}", file=sys.stderr)
    plain, ours = (times[loop] for loop in LOOPS)
    ratios = {
        "plain_over_engine": ratio(plain["train"], ours["train"]),
        "plain_over_engine_train_and_test": ratio(plain["train_and_test"], ours["train_and_test"]),
        "engine_over_floor": ratio(ours["train"], floors),
    }
    milliseconds = {loop: statistics.median(found["train"]) for loop, found in times.items()}
    for loop, value in milliseconds.items():
        print(f"{loop:32}{value:10.1f} ms a step")
    print(f"{'floor of two_layers':32}{statistics.median(floors):10.1f} ms ({gigaflop:.2f} GFLOP)")
    for name, found in ratios.items():
        print(f"{name:32}{found['median']:10.2f}{found['low']:12.2f} – {found['high']:.2f}")
    if options.json:
        result = {"ratios": ratios, "milliseconds": milliseconds, "gigaflop": gigaflop}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
