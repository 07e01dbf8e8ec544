"""What an agent typed and ticked, made into records: everything that is wrong with it at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from broker.actions.assisted.contact import fingerprint_texts
from broker.actions.assisted.staff_results import Answer, InputError, InvalidInput
from broker.assisted.case import Case, Channel, CheckRecord, EvidenceRecord, Outcome
from broker.assisted.profiles import EvidenceKind, FieldKind, Profiles
from broker.assisted.reasons import Occasion, fits
from broker.model.handle import plain
from broker.model.staff import StaffMember
from broker.normalize.dates import NO_YEAR, full_date, partial_date
from broker.normalize.names import name_key
from broker.normalize.text import clean, clean_lines, is_blank

DETAILS: Mapping[str, bool] = {"given_name": False, "family_name": False, "birthdate": True, "address": False}
"""What is recorded of a person, by claim (OpenID Connect Core 5.1), and whether it may not be left out."""

NAMES = ("given_name", "family_name")
"""Of these one may not be left out. A person with one name has one of them alone."""

LONGEST = 300
"""Characters in one field at most."""

EARLIEST = "1890"
"""The first year in which a person who signs in can be born."""


def evidence(
    case: Case,
    profiles: Profiles,
    member: StaffMember,
    now: float,
    id: str | None,
    kind: str,
    fields: Mapping[str, str],
    answers: Sequence[Answer],
) -> EvidenceRecord | InvalidInput:
    """A piece of evidence, new (`id` None) or in place of one recorded before."""
    known = profiles.kinds.get(kind)
    if known is None or not known.by_staff or case.channel is None:
        return InvalidInput({"kind": InputError.UNKNOWN if kind else InputError.MISSING})
    if id is not None and id not in {one.id for one in case.evidence}:
        return InvalidInput({"id": InputError.UNKNOWN})
    faults = _faults_in_fields(known, fields)
    checks = _checks(known.checks, profiles, member, case.channel, answers, now, faults)
    if faults:
        return InvalidInput(faults)
    kept = {name: _field(known.fields[name], value) for name, value in fields.items() if not is_blank(value)}
    return EvidenceRecord(id or _next(case), kind, known.type, member.id, now, kept, checks)


def person_checks(
    case: Case, profiles: Profiles, member: StaffMember, now: float, answers: Sequence[Answer]
) -> tuple[CheckRecord, ...] | InvalidInput:
    """Checks of the person, beside those of the evidence."""
    if case.channel is None:
        return InvalidInput({"kind": InputError.MISSING})
    faults: dict[str, InputError] = {}
    checks = _checks(profiles.person, profiles, member, case.channel, answers, now, faults)
    return InvalidInput(faults) if faults else checks


def details(claims: Mapping[str, str], now: float) -> Mapping[str, str] | InvalidInput:
    """The person's details in normal form.

    A date of birth is a partial date (`normalize.dates`) that is not in the future.
    """
    told = {name: clean_lines(value) for name, value in claims.items() if not is_blank(value)}
    faults: dict[str, InputError] = {name: InputError.UNKNOWN for name in told if name not in DETAILS}
    faults |= {name: InputError.MISSING for name, needed in DETAILS.items() if needed and name not in told}
    if not any(name in told for name in NAMES):
        faults["given_name"] = InputError.MISSING
    faults |= {name: InputError.NOT_A_NAME for name in NAMES if name in told and not name_key(told[name])}
    faults |= {name: InputError.TOO_LONG for name, value in told.items() if len(value) > LONGEST}
    if "birthdate" in told:
        born = partial_date(told["birthdate"])
        if born is None or not _past(born, now):
            faults["birthdate"] = InputError.NOT_A_DATE
        else:
            told["birthdate"] = born
    return InvalidInput(faults) if faults else told


def checklist(names: Iterable[str], profiles: Profiles, member: StaffMember, channel: Channel) -> tuple[str, ...]:
    """The checks of a list that can be made in this channel by this member of staff."""
    return tuple(name for name in names if _why_not_asked(name, profiles, member, channel) is None)


def marks(kind: EvidenceKind, record: EvidenceRecord, fingerprint: Callable[[str], str]) -> tuple[str, ...]:
    """Keyed marks of the numbers by which a piece of evidence is known again in another case."""
    return tuple(
        fingerprint(f"{record.kind}.{name}:{plain(record.details[name])}")
        for name, field in kind.fields.items()
        if field.mark and name in record.details
    )


def all_fingerprints(case: Case, region: str, fingerprint: Callable[[str], str]) -> tuple[str, ...]:
    """The marks by which to look for other cases: those of the case, and those an older release made of its address."""
    former = () if case.contact is None else fingerprint_texts(case.contact, region)
    return tuple(dict.fromkeys((*case.marks, *map(fingerprint, former))))


def _faults_in_fields(kind: EvidenceKind, fields: Mapping[str, str]) -> dict[str, InputError]:
    faults = {name: InputError.UNKNOWN for name in fields if name not in kind.fields}
    for name, field in kind.fields.items():
        value = clean(fields.get(name, ""))
        if is_blank(value):
            faults |= {name: InputError.MISSING} if field.required else {}
        elif len(value) > LONGEST:
            faults[name] = InputError.TOO_LONG
        elif field.dated and full_date(value) is None:
            faults[name] = InputError.NOT_A_DATE
    return faults


def _field(kind: FieldKind, value: str) -> str:
    """What was typed into a field, in normal form."""
    return (full_date(value) if kind.dated else None) or clean(value)


def _why_not_asked(check: str, profiles: Profiles, member: StaffMember, channel: Channel) -> InputError | None:
    kind = profiles.checks[check]
    if channel not in kind.methods:
        return InputError.NOT_IN_THIS_CHANNEL
    return InputError.NOT_TRAINED if kind.skill is not None and kind.skill not in member.skills else None


def _checks(
    names: Sequence[str],
    profiles: Profiles,
    member: StaffMember,
    channel: Channel,
    answers: Sequence[Answer],
    now: float,
    faults: dict[str, InputError],
) -> tuple[CheckRecord, ...]:
    """The answers as records; what is wrong with them is noted in `faults`."""
    given = {answer.check: answer for answer in answers}
    faults |= {check: InputError.UNKNOWN for check in given if check not in names}
    records = []
    for name in names:
        approval_refused, answer = _why_not_asked(name, profiles, member, channel), given.get(name)
        if answer is None:
            if approval_refused is None and not profiles.checks[name].optional:
                faults[name] = InputError.MISSING
        elif approval_refused is not None:
            faults[name] = approval_refused
        elif (answer.outcome is Outcome.COULD_NOT) != fits(Occasion.COULD_NOT, *filter(None, [answer.reason])):
            faults[name] = InputError.REASON
        else:
            records.append(CheckRecord(name, answer.outcome, member.id, now, answer.reason))
    return tuple(records)


def _next(case: Case) -> str:
    used = [int(one.id[1:]) for one in case.evidence if one.id[1:].isdigit()]
    return f"e{max(used, default=0) + 1}"


def _past(born: str, now: float) -> bool:
    """Whether a partial date can be over: the earliest day that it can be."""
    today = datetime.fromtimestamp(now, UTC).date().isoformat()
    return born.startswith(NO_YEAR) or EARLIEST <= born <= today[: len(born)]
