"""Forms of a case into which staff type, as drafts name them."""

import re
from collections.abc import Mapping
from typing import Final

from broker.web.shared import csrf

NOT_TYPED: Final = frozenset({csrf.FIELD, "edition", "back", "do", "piece"})
"""Fields of a form that the page fills in."""

_NAMES: Final = (
    "contact|message|decision|view|review|person|details|note|ask-lead|answer|answer-question|ask|evidence/[A-Za-z0-9]+"
)
_FORM: Final = re.compile(rf"/cases/[^/]+/({_NAMES})")
"""Paths of forms into which staff type."""


def form_name(path: str, kind: str = "") -> str:
    """The name of a form's draft: its path within the case, with the kind of a new piece of evidence; "" for none."""
    found = _FORM.fullmatch(path)
    if found is None:
        return ""
    return f"{found[1]}/{kind}" if found[1] == "evidence/new" else found[1]


def typed_fields(form: Mapping[str, str]) -> dict[str, str]:
    """What was typed into a form."""
    return {name: value for name, value in form.items() if name not in NOT_TYPED and not name.startswith("covers.")}
