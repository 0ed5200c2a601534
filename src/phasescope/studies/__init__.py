"""One file a question: recipes, runs, measures, claims, report."""
