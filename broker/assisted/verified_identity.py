"""What a service is told of a bound case: an identity, and how it was verified."""

from collections.abc import Iterable
from typing import Any

from broker.assisted.case import (
    Case,
    Channel,
    CheckOutcome,
    CheckRecord,
    ContactMethod,
    EvidenceRecord,
    IdentityBinding,
)
from broker.assisted.profiles import AuthenticationRule, Profiles
from broker.model.assurance import (
    EvidenceType,
    Level,
    Verification,
    VerificationCapabilities,
    VerificationCheck,
    VerificationEvidence,
)
from broker.model.identity import HELP, Identity


def authentication_level(worth: AuthenticationRule, *, asking_browser: bool, code: bool, words: bool) -> Level:
    """What taking up the identity is worth. Browser, code and words together show that the person in the session, the
    browser that asked and the address are one; anything less is a one-time code."""
    return worth.live if asking_browser and code and words else worth.code


def verification(case: Case, profiles: Profiles) -> Verification:
    """How the case verified the person (OpenID Connect for Identity Assurance 1.0). Raises ValueError if undecided.

    Only evidence that counted is named, and no member of staff or voucher.
    """
    verdict = case.verdict
    if verdict is None or verdict.level is None:
        raise ValueError("the case was not approved")
    return Verification(
        trust_framework=profiles.framework,
        level=verdict.level,
        time=int(verdict.at),
        claims=tuple(sorted({*case.details.claims, *(["name"] if _names(case) else [])})),
        policy=profiles.policy,
        procedure=verdict.profile,
        process=case.reference,
        evidence=tuple(_evidence(one, case.channel, profiles) for one in case.evidence if _passed(one.checks)),
    )


def verifiable(profiles: Profiles, claims: Iterable[str]) -> VerificationCapabilities:
    """What `verification` can say of any case. `claims` are those that staff can record."""
    kinds: dict[EvidenceType, set[str]] = {}
    for kind in profiles.kinds.values():
        kinds.setdefault(kind.type, set()).add(kind.subtype)
    checks = {check for kind in profiles.kinds.values() for check in kind.checks}
    return VerificationCapabilities(
        frameworks=frozenset({profiles.framework}),
        claims=frozenset({*claims, "name"}),
        kinds={kind: frozenset(subtypes) for kind, subtypes in kinds.items()},
        methods=frozenset(method for check in checks for method in profiles.checks[check].methods.values()),
    )


def _passed(checks: tuple[CheckRecord, ...]) -> tuple[CheckRecord, ...]:
    return tuple(check for check in checks if check.outcome is CheckOutcome.YES)


def _evidence(record: EvidenceRecord, channel: Channel | None, profiles: Profiles) -> VerificationEvidence:
    kind = profiles.kinds[record.kind]
    checks = tuple(
        VerificationCheck(
            profiles.checks[one.check].methods[channel], check_id=f"{record.id}.{one.check}", time=int(one.at)
        )
        for one in _passed(record.checks)
        if channel is not None and channel in profiles.checks[one.check].methods
    )
    details: dict[str, Any] = {"type": kind.subtype}
    for name, value in record.details.items():
        if (member := kind.fields[name].member if name in kind.fields else None) and value:
            _place(details, member.split("."), value)
    return VerificationEvidence(
        record.type, checks, details if record.type is not EvidenceType.VOUCH else {"type": kind.subtype}
    )


def _place(into: dict[str, Any], path: list[str], value: str) -> None:
    for step in path[:-1]:
        into = into.setdefault(step, {})
    into[path[-1]] = value


def identity(case: Case, issuer: str, profiles: Profiles) -> Identity:
    """The identity of a bound case. `issuer` names this broker's cases; it is the first half of the identity's key.

    The level is the lower of how the person was verified and how they took it up; `amr` says only what they did. A
    contact address that a code proved is theirs. Raises ValueError for a case that is not bound, or whose data is gone.
    """
    if case.binding is None or case.erased:
        raise ValueError("the case is not bound, or its data is gone")
    how = verification(case, profiles)
    return Identity(
        provider=HELP,
        issuer=issuer,
        subject=case.binding.subject,
        level=min(how.level, case.binding.level),
        amr=case.binding.amr,
        auth_time=int(case.binding.at),
        claims=_claims(case, case.binding),
        verification=how,
    )


def _names(case: Case) -> list[str]:
    """The parts of the name, first to last."""
    told = case.details.claims
    return [told[part] for part in ("given_name", "family_name") if told.get(part)]


def _claims(case: Case, binding: IdentityBinding) -> dict[str, Any]:
    """Claims of OpenID Connect Core 5.1 from the confirmed details."""
    claims: dict[str, Any] = dict(case.details.claims)
    if "address" in claims:
        claims["address"] = {"formatted": claims["address"]}
    if (parts := _names(case)) and "name" not in claims:
        claims["name"] = " ".join(parts)
    if binding.code and case.contact is not None and binding.way is case.contact.way:
        name = "email" if case.contact.way is ContactMethod.EMAIL else "phone_number"
        claims |= {name: case.contact.address, f"{name}_verified": True}
    return claims
