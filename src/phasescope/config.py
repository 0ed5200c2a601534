"""The base of every configuration record: frozen, typed, and deaf to unknown keys."""

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """A frozen record that refuses unknown keys, numbers given as text, and non-finite numbers.

    Example:
        >>> class Knob(Config):
        ...     size: int = 3
        >>> Knob(size=4)
        Knob(size=4)
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True, strict=True
    )
