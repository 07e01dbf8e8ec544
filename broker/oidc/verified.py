"""`verified_claims`: what was verified, how and by whom (OpenID Connect for Identity Assurance 1.0).

Only what was asked goes out, nothing is ever empty, and what does not fit a demand is left out without an error.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from broker.model.assurance import Check, Evidence, EvidenceType, Ladder, Verification
from broker.oidc.claims_parameter import accepts

DETAILS: Final[Mapping[EvidenceType, str]] = {
    EvidenceType.DOCUMENT: "document_details",
    EvidenceType.ELECTRONIC_RECORD: "record",
    EvidenceType.VOUCH: "attestation",
}
"""The element under which the details of a piece of evidence go out."""

_MANDATORY: Final = ("trust_framework", "type", "check_method")
"""Members without which their object means nothing: they go out with it, asked or not."""

_DEMANDS: Final = frozenset({"value", "values", "max_age"})
_DEMAND_MEMBERS: Final = _DEMANDS | {"essential", "purpose"}


class Unfulfilled(Exception):
    """A demand on the verification that the facts do not meet."""


def verified_claims(
    verification: Verification | None,
    claims: Mapping[str, Any],
    requests: Sequence[Mapping[str, Any]],
    ladder: Ladder,
    now: float,
) -> dict[str, Any] | list[dict[str, Any]] | None:
    """The `verified_claims` member for checked requests, an array where several are answered, None where none is.

    `claims` are the values that were released; of them only the ones that the verification names count. A demand on the
    verification that is not met leaves out the whole answer, a demand on a claim that claim alone.
    """
    if verification is None:
        return None
    facts = elements(verification, ladder)
    known = {name: claims[name] for name in verification.claims if claims.get(name) not in (None, "")}
    answers = []
    for request in requests:
        given = {name: known[name] for name, wanted in request["claims"].items() if name in known}
        given = {name: value for name, value in given.items() if accepts(request["claims"][name], value)}
        if given:
            try:
                answers.append({"verification": _chosen(facts, request["verification"], now), "claims": given})
            except Unfulfilled:
                continue
    return answers[0] if len(answers) == 1 else answers or None


def elements(verification: Verification, ladder: Ladder) -> dict[str, Any]:
    """Everything known of a verification, in the standard's elements (OpenID Identity Assurance Schema 1.0, 5.4)."""
    process = _known(policy=verification.policy, procedure=verification.procedure)
    return _known(
        trust_framework=verification.trust_framework,
        assurance_level=ladder.acr(verification.level),
        assurance_process=process,
        time=_written(verification.time),
        verification_process=verification.process,
        evidence=[_evidence(piece) for piece in verification.evidence],
    )


def _evidence(piece: Evidence) -> dict[str, Any]:
    checks = [_check(check) for check in piece.checks]
    return _known(type=piece.type.value, check_details=checks, **{DETAILS[piece.type]: dict(piece.details)})


def _check(check: Check) -> dict[str, Any]:
    time = _written(check.time) if check.time is not None else None
    return _known(check_method=check.check_method, organization=check.organization, check_id=check.check_id, time=time)


def _known(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value not in (None, "", {}, [])}


def _written(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# Choosing what was asked for


def _chosen(facts: Mapping[str, Any], request: Mapping[str, Any], now: float) -> dict[str, Any]:
    chosen = {name: facts[name] for name in _MANDATORY if name in facts}
    for name, wanted in request.items():
        found = facts.get(name)
        if found is None:
            if _demands(wanted):
                raise Unfulfilled(name)
            continue
        value = _value(found, wanted, now)
        if value not in ({}, []):
            chosen[name] = value
    return chosen


def _value(found: Any, wanted: Any, now: float) -> Any:
    if isinstance(found, list):
        return _items(found, wanted, now)
    members = wanted if isinstance(wanted, Mapping) else {}
    if not _DEMANDS.isdisjoint(members) and not _met(found, members, now):
        raise Unfulfilled
    return _chosen(found, members, now) if isinstance(found, Mapping) else found


def _items(found: list[Any], wanted: Any, now: float) -> list[Any]:
    """Of each item that one of the alternatives fits, what that alternative asks for."""
    alternatives = wanted if isinstance(wanted, list) else [wanted]
    chosen = []
    for item in found:
        for alternative in alternatives:
            try:
                chosen.append(_value(item, alternative, now))
                break
            except Unfulfilled:
                continue
    if not chosen:
        raise Unfulfilled
    return chosen


def _demands(wanted: Any) -> bool:
    match wanted:
        case Mapping():
            return not _DEMANDS.isdisjoint(wanted) or any(
                _demands(inner) for name, inner in wanted.items() if name not in _DEMAND_MEMBERS
            )
        case list():
            return bool(wanted) and all(_demands(each) for each in wanted)
        case _:
            return False


def _met(found: Any, wanted: Mapping[str, Any], now: float) -> bool:
    """Whether a value meets `value`, `values`, and, for a time, `max_age` in seconds (Identity Assurance 1.0, 5.3)."""
    values = wanted.get("values", [])
    if not isinstance(values, list) or not accepts(wanted, found):
        return False
    longest = wanted.get("max_age")
    if longest is None:
        return True
    try:
        moment = datetime.fromisoformat(found).timestamp()
    except (TypeError, ValueError):
        return False
    return isinstance(longest, int | float) and now - moment <= longest
