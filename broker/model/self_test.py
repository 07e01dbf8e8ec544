"""Findings of the self-test of a provider."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SelfTestFinding:
    """One thing that a test of a provider found: what it is about, and what is wrong or different.

    `blocks` says that no citizen can sign in because of it; else sign-ins work, and something differs from what was
    published.
    """

    about: str
    detail: str
    blocks: bool = False
