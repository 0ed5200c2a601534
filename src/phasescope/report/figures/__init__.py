"""Arrays in, figures out: one file a subject, nothing computed that a measure should compute."""
