"""One named random stream per purpose, so that a change of one moves no other."""

import zlib

import numpy as np


def stream_of(purpose: str, *numbers: int) -> np.random.Generator:
    """Return numpy's PCG64 on a stream that a purpose and some numbers name.

    Args:
        purpose: What is drawn from it, such as "batches".
        numbers: A seed, a step: whole numbers of 0 or more.

    Example:
        >>> draws = [stream_of("batches", 0, step).integers(100).item() for step in (7, 7, 8)]
        >>> draws[0] == draws[1], draws[0] == draws[2]
        (True, False)
    """
    return np.random.default_rng([*numbers, zlib.crc32(purpose.encode())])
