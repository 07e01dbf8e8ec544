"""Evidence input: what an agent typed and ticked, checked and made into records. All errors are returned at once.

Dates are compared with today, a machine readable zone fills the fields that it holds, and the answer of a look-up names
its source and reference.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from broker.actions.assisted.contact import fingerprint_texts
from broker.actions.assisted.staff_results import CheckAnswer, EvidenceEntry, InputError, InvalidInput
from broker.assisted import mrz
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, CheckOutcome, CheckRecord, EvidenceRecord, LookUp
from broker.assisted.documents import date_faults, day
from broker.assisted.profiles import EvidenceKind, FieldKind, Profiles
from broker.assisted.reasons import ReasonContext, valid_for
from broker.assisted.voucher import vouch_faults, voucher_mark
from broker.model.handle import normalize_user_code
from broker.model.staff import StaffMember
from broker.normalize.dates import NO_YEAR, full_date, partial_date
from broker.normalize.text import clean, clean_lines, is_blank, name_key

DETAILS: Mapping[str, bool] = {"given_name": False, "family_name": False, "birthdate": True, "address": False}
"""The recorded details of a person, by claim (OpenID Connect Core 5.1): True if the claim is required."""

NAMES = ("given_name", "family_name")
"""At least one of them is required. A person with one name has one of them alone."""

LONGEST = 300
"""Characters in one field at most."""

EARLIEST = "1890"
"""The first year in which a person who signs in can be born."""


def evidence(
    case: Case, profiles: Profiles, member: StaffMember, now: float, entry: EvidenceEntry
) -> EvidenceRecord | InvalidInput:
    """The record of a piece of evidence, or every error in the entry."""
    known = profiles.kinds.get(entry.kind)
    if known is None or not known.by_staff or case.channel is None:
        return InvalidInput({"kind": InputError.UNKNOWN if entry.kind else InputError.MISSING})
    if entry.id is not None and recorded_by_staff(case, profiles, entry.id) is None:
        return InvalidInput({"id": InputError.UNKNOWN})
    read = read_zone(known, entry.fields, day(now))
    if isinstance(read, InvalidInput):
        return read
    errors = _field_errors(known, read.fields) or _rule_errors(known, read.fields, case.details.claims, day(now))
    errors |= _check_errors(known.checks, profiles, member, case.channel, entry.answers)
    if errors:
        return InvalidInput(errors)
    before = next((one.checks for one in case.evidence if one.id == entry.id), ())
    checks = _records(known.checks, entry.answers, member, now, before)
    kept = {name: _field(known.fields[name], value) for name, value in read.fields.items() if not is_blank(value)}
    return EvidenceRecord(entry.id or _next(case), entry.kind, known.type, member.id, now, kept, checks)


@dataclass(frozen=True, slots=True)
class ZoneFields:
    """Fields of a piece of evidence, filled from its machine readable zone; `claims` are the person's details in it."""

    fields: Mapping[str, str]
    claims: Mapping[str, str]


def read_zone(kind: EvidenceKind, typed: Mapping[str, str], today: str) -> ZoneFields | InvalidInput:
    """Fills the empty fields from the machine readable zone, if one was typed; of the zone only its form is kept.

    An error is a fault of the zone, or a field that was typed and differs from it.
    """
    name = next(
        (name for name, field in kind.fields.items() if field.is_zone and not is_blank(typed.get(name, ""))), None
    )
    if name is None or typed[name] in mrz.FORMS:
        return ZoneFields(typed, {})
    zone = mrz.read(typed[name], today)
    if isinstance(zone, tuple):
        return InvalidInput({name: InputError(zone[0].value)})
    held = {"number": zone.number, "state": zone.state, "expires": zone.expires}
    known = {name: held[field.zone] for name, field in kind.fields.items() if field.zone in held}
    differs = {
        name: InputError.MRZ_DIFFERS
        for name, value in known.items()
        if not is_blank(typed.get(name, "")) and not _same(kind.fields[name], typed[name], value)
    }
    if differs:
        return InvalidInput(differs)
    claims = {
        "given_name": zone.given_name.title(),
        "family_name": zone.family_name.title(),
        "birthdate": zone.birthdate,
    }
    return ZoneFields({**typed, **known, name: zone.form}, claims)


def _same(field: FieldKind, typed: str, held: str) -> bool:
    """Whether a typed value is that of the zone, apart from spelling."""
    return _field(field, typed) == held if field.dated else normalize_user_code(typed) == normalize_user_code(held)


def recorded_by_staff(case: Case, profiles: Profiles, evidence_id: str) -> EvidenceRecord | None:
    """The piece of evidence with this id, if staff recorded it; None for a confirmation on the citizen's device."""
    found = next((one for one in case.evidence if one.id == evidence_id), None)
    kind = None if found is None else profiles.kinds.get(found.kind)
    return None if kind is not None and not kind.by_staff else found


def person_checks(
    case: Case, profiles: Profiles, member: StaffMember, now: float, answers: Sequence[CheckAnswer]
) -> tuple[CheckRecord, ...] | InvalidInput:
    """The records of the checks of the person, beside those of the evidence, or every error in the answers."""
    if case.channel is None:
        return InvalidInput({"kind": InputError.MISSING})
    errors = _check_errors(profiles.person, profiles, member, case.channel, answers)
    return InvalidInput(errors) if errors else _records(profiles.person, answers, member, now, case.checks)


def details(claims: Mapping[str, str], now: float) -> Mapping[str, str] | InvalidInput:
    """The person's details in normal form, or every error in them.

    A date of birth is a partial date (`normalize.dates`) that is not in the future.
    """
    typed = {name: clean_lines(value) for name, value in claims.items() if not is_blank(value)}
    errors: dict[str, InputError] = {name: InputError.UNKNOWN for name in typed if name not in DETAILS}
    errors |= {name: InputError.MISSING for name, needed in DETAILS.items() if needed and name not in typed}
    if not any(name in typed for name in NAMES):
        errors["given_name"] = InputError.MISSING
    errors |= {name: InputError.NOT_A_NAME for name in NAMES if name in typed and not name_key(typed[name])}
    errors |= {name: InputError.TOO_LONG for name, value in typed.items() if len(value) > LONGEST}
    if "birthdate" in typed:
        born = partial_date(typed["birthdate"])
        if born is None or not _past(born, now):
            errors["birthdate"] = InputError.NOT_A_DATE
        else:
            typed["birthdate"] = born
    return InvalidInput(errors) if errors else typed


def check_error(check: str, profiles: Profiles, member: StaffMember, channel: Channel | None) -> InputError | None:
    """Why a check cannot be answered: the channel does not allow it, or the member of staff lacks the training."""
    kind = profiles.checks[check]
    if channel not in kind.methods:
        return InputError.NOT_IN_THIS_CHANNEL
    return InputError.NOT_TRAINED if kind.skill is not None and kind.skill not in member.skills else None


def fingerprints(kind: EvidenceKind, record: EvidenceRecord, fingerprint: Callable[[str], str]) -> tuple[str, ...]:
    """Keyed digests of the numbers by which other cases with the same piece of evidence are found, and of a voucher."""
    voucher = voucher_mark(kind, record.details)
    return tuple(
        fingerprint(f"{record.kind}.{name}:{normalize_user_code(record.details[name])}")
        for name, field in kind.fields.items()
        if field.mark and name in record.details
    ) + (() if voucher is None else (fingerprint(voucher),))


def vouched_too_often(kind: EvidenceKind, before: int) -> InvalidInput | None:
    """The refusal of a voucher who vouched in `before` other cases, if these are as many as the rules allow."""
    if kind.vouch is None or before < kind.vouch.most:
        return None
    return InvalidInput({kind.vouch.person[0]: InputError.VOUCH_TOO_OFTEN})


def all_fingerprints(case: Case, region: str, fingerprint: Callable[[str], str]) -> tuple[str, ...]:
    """The keyed digests to find similar cases by: those of the case, and those that release 0.1 made of its address."""
    former = () if case.contact is None else fingerprint_texts(case.contact, region)
    return tuple(dict.fromkeys((*case.fingerprints, *map(fingerprint, former))))


def _field_errors(kind: EvidenceKind, fields: Mapping[str, str]) -> dict[str, InputError]:
    errors = {name: InputError.UNKNOWN for name in fields if name not in kind.fields}
    for name, field in kind.fields.items():
        value = clean(fields.get(name, ""))
        if is_blank(value):
            errors |= {name: InputError.MISSING} if field.required else {}
        elif len(value) > LONGEST:
            errors[name] = InputError.TOO_LONG
        elif field.dated and full_date(value) is None:
            errors[name] = InputError.NOT_A_DATE
        elif field.choices and value not in field.choices:
            errors[name] = InputError.NOT_A_CHOICE
    return errors


def _rule_errors(
    kind: EvidenceKind, fields: Mapping[str, str], claims: Mapping[str, str], today: str
) -> dict[str, InputError]:
    """Impossible dates, and what the rules for vouching refuse."""
    faults = {
        **date_faults(kind, fields, today, claims.get("birthdate", "")),
        **vouch_faults(kind, fields, claims, today),
    }
    return {name: InputError(fault.value) for name, fault in faults.items()}


def _field(kind: FieldKind, value: str) -> str:
    """The typed value of a field in normal form."""
    return (full_date(value) if kind.dated else None) or clean(value)


def _check_errors(
    names: Sequence[str], profiles: Profiles, member: StaffMember, channel: Channel, answers: Sequence[CheckAnswer]
) -> dict[str, InputError]:
    given = {answer.check: answer for answer in answers}
    errors = {check: InputError.UNKNOWN for check in given if check not in names}
    for name in names:
        closed, answer = check_error(name, profiles, member, channel), given.get(name)
        if answer is None:
            if closed is None and not profiles.checks[name].optional:
                errors[name] = InputError.MISSING
        elif closed is not None:
            errors[name] = closed
        elif (answer.outcome is CheckOutcome.COULD_NOT) != valid_for(
            ReasonContext.COULD_NOT, *filter(None, [answer.reason])
        ):
            errors[name] = InputError.REASON
        elif not _has_source(name, answer, profiles):
            errors[name] = InputError.SOURCE
    return errors


def _has_source(check: str, answer: CheckAnswer, profiles: Profiles) -> bool:
    """Whether an answer that only a look-up can give names the source and its reference."""
    kinds = [name for name, lookup in profiles.lookups.items() if check in lookup.checks]
    if not kinds or answer.outcome is CheckOutcome.COULD_NOT:
        return True
    found = answer.lookup
    return (
        found is not None
        and found.kind in kinds
        and all(0 < len(clean(text)) <= LONGEST for text in (found.source, found.reference))
    )


def _records(
    names: Sequence[str],
    answers: Sequence[CheckAnswer],
    member: StaffMember,
    now: float,
    before: Sequence[CheckRecord],
) -> tuple[CheckRecord, ...]:
    """The answers as records, in the order of the checklist. `before` are the checks as they were recorded."""
    given, known = {answer.check: answer for answer in answers}, {check.check: check for check in before}
    found = (given[name] for name in names if name in given)
    return tuple(
        CheckRecord(one.check, one.outcome, member.id, now, one.reason, lookup=_look_up(one, known.get(one.check), now))
        for one in found
    )


def _look_up(answer: CheckAnswer, before: CheckRecord | None, now: float) -> LookUp | None:
    """The look-up of an answer: the recorded one if nothing about it was changed, with its time and its connector."""
    entry = answer.lookup
    if entry is None:
        return None
    made = LookUp(entry.kind, clean(entry.source), clean(entry.reference), now)
    held = None if before is None or before.outcome is not answer.outcome else before.lookup
    same = held is not None and (held.kind, held.source, held.reference) == (made.kind, made.source, made.reference)
    return held if same else made


def _next(case: Case) -> str:
    used = [int(one.id[1:]) for one in case.evidence if one.id[1:].isdigit()]
    return f"e{max(used, default=0) + 1}"


def _past(born: str, now: float) -> bool:
    """Whether the earliest day of a partial date is in the past."""
    return born.startswith(NO_YEAR) or EARLIEST <= born <= day(now)[: len(born)]
