"""From a recipe to a run: engine, optimisers, losses, ensembles."""
