"""Hypotheses about mechanism, tested by taking parts away."""
