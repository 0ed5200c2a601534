"""Circuits of networks that answer along a sequence: parts, paths, and hypotheses about them."""
