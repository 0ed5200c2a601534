"""phasescope: a laboratory for sudden learning.

Everything most people need is here: ``train``, ``train_all``, ``recipes``, ``Recipe``, ``Run``,
``sweep``, ``load``, ``measure``, ``measure_series``, ``explain``, ``reproduce``. Each is fetched when
it is first used, so that importing the package costs nothing and loads no torch.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "Context": "phasescope.measures.context",
    "Recipe": "phasescope.training.recipe",
    "Run": "phasescope.training.run",
    "explain": "phasescope.studies.explain",
    "load": "phasescope.models.checkpoint_file:load_checkpoint_file",
    "measure": "phasescope.measures.measure",
    "measure_series": "phasescope.measures.series",
    "recipes": "phasescope.training.presets:",
    "reproduce": "phasescope.studies.nanda2023",
    "sweep": "phasescope.studies.sweep",
    "train": "phasescope.training.engine",
    "train_all": "phasescope.training.ensemble",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Fetch a public name from the room it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"phasescope has no {name!r}; it has {', '.join(__all__)}")
    module, colon, attribute = _HOMES[name].partition(":")
    found = import_module(module)
    return found if colon and not attribute else getattr(found, attribute or name)


def __dir__() -> list[str]:
    return __all__
