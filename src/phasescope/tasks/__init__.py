"""Problems with a known answer for every input, and their splits."""
