"""Numbers read off a network that answers along a sequence."""
