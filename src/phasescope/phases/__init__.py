"""A series in, named stretches out."""
