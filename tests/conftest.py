"""Tests run side by side, so each takes one thread: two that each spin two on two cores crawl."""

import os

os.environ["OMP_NUM_THREADS"] = "1"
