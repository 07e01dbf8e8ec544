"""Identity of a bound case and its verification record, as a service receives them."""

from collections.abc import Iterable

from broker.assisted.case import Case
from broker.assisted.case_records import (
    Channel,
    CheckOutcome,
    CheckRecord,
    ContactMethod,
    EvidenceRecord,
    IdentityBinding,
)
from broker.assisted.profiles import Profiles
from broker.model.assurance import (
    EvidenceType,
    Verification,
    VerificationCapabilities,
    VerificationCheck,
    VerificationEvidence,
)
from broker.model.identity import HELP, Identity


def verification(case: Case, profiles: Profiles) -> Verification:
    """Builds the verification record of a case (OpenID Connect for Identity Assurance 1.0).

    It names only evidence that counted, and no member of staff or voucher. Raises ValueError if the case was not
    approved.
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
    """Capabilities of assisted verification, for discovery. `claims` are those that staff can record."""
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
    details: dict[str, object] = {"type": kind.subtype}
    for name, value in record.details.items():
        if (member := kind.fields[name].member if name in kind.fields else None) and value:
            _place(details, member.split("."), value)
    return VerificationEvidence(record.type, checks, details)


def _place(into: dict[str, object], path: list[str], value: str) -> None:
    for step in path[:-1]:
        inner = into.setdefault(step, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{step} is both a value and an object")
        into = inner
    into[path[-1]] = value


def identity(case: Case, issuer: str, profiles: Profiles) -> Identity:
    """Builds the identity of a bound case. `issuer` is the issuer for cases of this broker, half of the identity's key.

    The level is the lower of the verification and the binding; `amr` describes the binding only. A contact address that
    a code proved is included as verified. Raises ValueError if the case is not bound or was erased.
    """
    if case.binding is None or case.erased:
        raise ValueError("the case is not bound, or was erased")
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
    """Parts of the name, first to last."""
    recorded = case.details.claims
    return [recorded[part] for part in ("given_name", "family_name") if recorded.get(part)]


def _claims(case: Case, binding: IdentityBinding) -> dict[str, object]:
    """Claims (OpenID Connect Core 5.1) from the confirmed details."""
    claims: dict[str, object] = dict(case.details.claims)
    if "address" in claims:
        claims["address"] = {"formatted": claims["address"]}
    if (parts := _names(case)) and "name" not in claims:
        claims["name"] = " ".join(parts)
    if binding.code and case.contact is not None and binding.way is case.contact.way:
        name = "email" if case.contact.way is ContactMethod.EMAIL else "phone_number"
        claims |= {name: case.contact.address, f"{name}_verified": True}
    return claims
