"""Claims, their rules, intervals over seeds, verdicts."""
