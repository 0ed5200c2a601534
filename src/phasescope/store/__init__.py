"""A run on disk: the only room that knows a path."""
