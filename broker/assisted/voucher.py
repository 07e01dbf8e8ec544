"""Vouching: what the rules of the profile file say about a voucher and their relation to the citizen.

The voucher is a person with name, office, relation and contact, which stay in the sealed record of the evidence. A
service receives the office and the organization alone.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum

from broker.assisted.profiles import EvidenceKind
from broker.normalize.dates import full_date
from broker.normalize.text import name_key


class VouchFault(StrEnum):
    """Why a vouch cannot be recorded."""

    RELATION = "vouch_relation"
    TOO_SHORT = "vouch_too_short"
    THEMSELVES = "vouch_themselves"
    TOO_OFTEN = "vouch_too_often"


def vouch_faults(
    kind: EvidenceKind, details: Mapping[str, str], claims: Mapping[str, str], today: str
) -> dict[str, VouchFault]:
    """Faults of a vouch, by field: a relation that rules it out, too short a time, or the citizen as voucher.

    `claims` are the recorded details of the citizen, `today` is a day as YYYY-MM-DD.
    """
    rule = kind.vouch
    if rule is None:
        return {}
    faults: dict[str, VouchFault] = {}
    if details.get(rule.relation) in rule.refused:
        faults[rule.relation] = VouchFault.RELATION
    since = full_date(details.get(rule.since, ""))
    if since is not None and since > (date.fromisoformat(today) - timedelta(days=rule.known_days)).isoformat():
        faults[rule.since] = VouchFault.TOO_SHORT
    whole = " ".join(claims.get(part, "") for part in ("given_name", "family_name"))
    if rule.person and name_key(whole) and name_key(details.get(rule.person[0], "")) == name_key(whole):
        faults[rule.person[0]] = VouchFault.THEMSELVES
    return faults


def voucher_mark(kind: EvidenceKind, details: Mapping[str, str]) -> str | None:
    """Text of which a keyed digest recognises the voucher in other cases; None for evidence that is no vouch."""
    if kind.vouch is None:
        return None
    parts = (details.get(name, "") for name in kind.vouch.person)
    return "voucher:" + "|".join(full_date(part) or name_key(part) for part in parts)
