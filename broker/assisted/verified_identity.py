"""Identity of a bound case and its verification record, as a service receives them."""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from broker.assisted.case import Case
from broker.assisted.case_records import (
    Channel,
    CheckOutcome,
    CheckRecord,
    ContactMethod,
    EvidenceRecord,
    IdentityBinding,
)
from broker.assisted.levels import score
from broker.assisted.profiles import Profiles, ScoreRule
from broker.model.assurance import (
    AssuranceDetail,
    EvidenceType,
    Verification,
    VerificationCapabilities,
    VerificationCheck,
    VerificationEvidence,
)
from broker.model.identity import HELP, Identity

_PERSON: Final = "person"
"""In check ids in place of a piece of evidence: checks of the person."""


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
        evidence=(
            *(_evidence(one, case.channel, profiles) for one in case.evidence if _passed(one.checks)),
            *_look_ups(case, profiles),
        ),
        assurance=tuple(_assurance(case, profiles)),
    )


def verifiable(profiles: Profiles, claims: Iterable[str]) -> VerificationCapabilities:
    """Capabilities of assisted verification, for discovery. `claims` are those that staff can record."""
    kinds: dict[EvidenceType, set[str]] = {}
    for kind in profiles.kinds.values():
        kinds.setdefault(kind.type, set()).add(kind.subtype)
    records = {lookup.record for lookup in profiles.lookups.values() if lookup.record is not None}
    kinds.setdefault(EvidenceType.ELECTRONIC_RECORD, set()).update(records)
    checks = {*profiles.person, *(check for kind in profiles.kinds.values() for check in kind.checks)}
    return VerificationCapabilities(
        frameworks=frozenset({profiles.framework}),
        claims=frozenset({*claims, "name"}),
        kinds={kind: frozenset(subtypes) for kind, subtypes in kinds.items()},
        methods=frozenset(method for check in checks for method in profiles.checks[check].methods.values()),
    )


def _passed(checks: Iterable[CheckRecord]) -> tuple[CheckRecord, ...]:
    return tuple(check for check in checks if check.outcome is CheckOutcome.YES)


def _evidence(record: EvidenceRecord, channel: Channel | None, profiles: Profiles) -> VerificationEvidence:
    kind = profiles.kinds[record.kind]
    details: dict[str, object] = {"type": kind.subtype}
    for name, value in record.details.items():
        if (member := kind.fields[name].member if name in kind.fields else None) and value:
            path = member.split(".")
            if path[-1] != "country_code" or (value := _country(value)):
                _place(details, path, value)
    return VerificationEvidence(record.type, _checks(record.id, record.checks, channel, profiles), details)


def _country(typed: str) -> str:
    """Country code of two or three letters (ISO 3166-1, ICAO Doc 9303-3), "" for anything else. Germany has D."""
    code = typed.strip().upper()
    return "DEU" if code == "D" else code if re.fullmatch("[A-Z]{2,3}", code) else ""


def _checks(
    of: str, checks: Iterable[CheckRecord], channel: Channel | None, profiles: Profiles
) -> tuple[VerificationCheck, ...]:
    """The passed checks of a piece of evidence, or of the person (`_PERSON`). The organization is the configured one,
    or the source that a connector asked: what staff typed never leaves.
    """
    return tuple(
        VerificationCheck(
            profiles.checks[one.check].methods[channel],
            one.lookup.source if one.lookup is not None and one.lookup.connector else profiles.organization,
            f"{of}.{one.check}",
            int(one.at),
        )
        for one in _passed(checks)
        if channel is not None and channel in profiles.checks[one.check].methods
    )


def _look_ups(case: Case, profiles: Profiles) -> Iterator[VerificationEvidence]:
    """An electronic record for each look-up that answered checks of the person with yes."""
    for name, kind in profiles.lookups.items():
        answered = [one for one in case.checks if one.lookup is not None and one.lookup.kind == name]
        checks = _checks(_PERSON, answered, case.channel, profiles)
        if kind.record is not None and checks:
            yield VerificationEvidence(EvidenceType.ELECTRONIC_RECORD, checks, {"type": kind.record})


def _assurance(case: Case, profiles: Profiles) -> Iterator[AssuranceDetail]:
    """The scores, each with the checks that it rests on: validity by piece, activity, fraud, verification."""
    scores = score(case, profiles)
    for one, scored in zip(case.evidence, scores.evidence, strict=True):
        ids = _ids(one.id, one.checks, profiles.kinds[one.kind].checks if one.kind in profiles.kinds else ())
        if scored.validity and ids:
            strength = f"score_{scored.strength}_strength"
            refs = tuple((check, strength) for check in ids)
            yield AssuranceDetail("evidence_validation", f"score_{scored.validity}", refs)
    verifying = {rule.check for rule in profiles.verification if rule.score <= scores.verification}
    by_piece = (check for one in case.evidence for check in _ids(one.id, one.checks, verifying))
    for kind, reached, ids in (
        ("verification", scores.verification, tuple(by_piece)),
        ("counter_fraud", scores.fraud, _ids(_PERSON, case.checks, _needs(profiles.fraud))),
        ("activity", scores.activity, _ids(_PERSON, case.checks, _needs(profiles.activity))),
    ):
        if reached:
            yield AssuranceDetail(kind, f"score_{reached}", tuple((check, "") for check in ids))


def _ids(of: str, checks: Iterable[CheckRecord], among: Collection[str]) -> tuple[str, ...]:
    return tuple(f"{of}.{one.check}" for one in _passed(checks) if one.check in among)


def _needs(rules: Iterable[ScoreRule]) -> frozenset[str]:
    return frozenset(need for rule in rules for need in rule.needs)


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
    most = how.level if case.former is None else min(how.level, case.former.level)
    return Identity(
        provider=HELP,
        issuer=issuer,
        subject=case.binding.subject,
        level=min(most, case.binding.level),
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
