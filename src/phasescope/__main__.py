"""``python -m phasescope`` is the same as ``phasescope``."""

import sys

from phasescope.cli import main

sys.exit(main())
