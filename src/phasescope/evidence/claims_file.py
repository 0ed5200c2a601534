"""claims.json: evidence written so that the same evidence is the same bytes."""

import json
from collections.abc import Sequence

from pydantic import ValidationError

from phasescope.config import Config, one_line
from phasescope.errors import PhasescopeError
from phasescope.evidence.claim import Evidence


class _ClaimsFile(Config):
    evidence: tuple[Evidence, ...]


def claims_to_json(evidence: Sequence[Evidence]) -> str:
    r"""Write evidence as canonical JSON: keys sorted, two spaces, one newline at the end.

    Args:
        evidence: One record a claim, in the order they are printed.

    Returns:
        The text of claims.json.

    Example:
        >>> claims_to_json([])
        '{\n  "evidence": []\n}\n'
    """
    content = _ClaimsFile(evidence=tuple(evidence)).model_dump(mode="json")
    return json.dumps(content, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def claims_from_json(text: str, where: str = "claims.json") -> tuple[Evidence, ...]:
    """Read evidence back.

    Args:
        text: What `claims_to_json` wrote.
        where: Name of the file, for the error.

    Returns:
        The evidence, equal to what was written.

    Raises:
        PhasescopeError: If the text is not a claims file; one line says which key is wrong.

    Example:
        >>> claims_from_json(claims_to_json([]))
        ()
    """
    try:
        return _ClaimsFile.model_validate_json(text).evidence
    except ValidationError as error:
        raise PhasescopeError(one_line(error, _ClaimsFile, where)) from None
