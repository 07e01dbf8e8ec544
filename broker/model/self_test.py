"""Findings of the self-test of a provider, and the form in which processes share them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MOST_FINDINGS: Final = 50
LONGEST_TEXT: Final = 500
"""Largest number of findings of one provider, and of characters of a text in one, that are shared."""


@dataclass(frozen=True, slots=True)
class SelfTestFinding:
    """One thing that a test of a provider found: what it is about, and what is wrong or different.

    `blocks` says that no citizen can sign in because of it; else sign-ins work, and something differs from what was
    published.
    """

    about: str
    detail: str
    blocks: bool = False


def encode_findings(found: Sequence[SelfTestFinding]) -> bytes:
    """The findings of one test as JSON; b"" if there are none."""
    shared = [[one.about[:LONGEST_TEXT], one.detail[:LONGEST_TEXT], one.blocks] for one in found[:MOST_FINDINGS]]
    return json.dumps(shared, separators=(",", ":")).encode() if shared else b""


def decode_findings(result: bytes) -> Sequence[SelfTestFinding]:
    """The findings of one test; none if they have another form, as of another release."""
    try:
        value = json.loads(result)
    except (ValueError, RecursionError):
        return ()
    return tuple(
        SelfTestFinding(one[0], one[1], one[2])
        for one in (value if isinstance(value, list) else [])[:MOST_FINDINGS]
        if isinstance(one, list) and [type(part) for part in one] == [str, str, bool]
    )
