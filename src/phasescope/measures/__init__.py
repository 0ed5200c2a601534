"""Numbers read off one model; one file a family."""
