"""CPU seconds of what must answer at once: help, a mistake in a recipe, a file that is not there.

python -m benchmarks.start_up
"""

import os
import statistics
import subprocess
import sys

WORDS = (["--help"], ["train", "nanda2023", "--sed", "3"], ["train", "nope.toml"], ["resume", "nope"])


def main() -> None:
    for words in WORDS:
        seconds = []
        for _ in range(5):
            before = os.times()
            subprocess.run([sys.executable, "-m", "phasescope", *words], capture_output=True, check=False)
            after = os.times()
            spent = after.children_user + after.children_system
            seconds.append(spent - before.children_user - before.children_system)
        print(f"phasescope {' '.join(words):32}{statistics.median(seconds):6.2f} s CPU")


if __name__ == "__main__":
    main()
