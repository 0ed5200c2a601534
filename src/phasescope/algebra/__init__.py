"""Exact mathematics in float64 numpy: the cyclic Fourier basis, finite groups."""
