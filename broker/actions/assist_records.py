"""What an agent typed and ticked, made into records: everything that is wrong with it at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime

from broker.actions.staff_outcomes import Answer, Fault, Faulty
from broker.assisted.case import Case, Channel, CheckRecord, EvidenceRecord, Outcome
from broker.assisted.profiles import EvidenceKind, Profiles
from broker.assisted.reasons import Occasion, fits
from broker.model.handle import plain
from broker.model.staff import StaffMember

DETAILS: Mapping[str, bool] = {"given_name": True, "family_name": True, "birthdate": True, "address": False}
"""What is recorded of a person, by claim (OpenID Connect Core 5.1), and whether it may not be left out."""

LONGEST = 300
"""Characters in one field at most."""


def evidence(
    case: Case,
    profiles: Profiles,
    member: StaffMember,
    now: float,
    id: str | None,
    kind: str,
    fields: Mapping[str, str],
    answers: Sequence[Answer],
) -> EvidenceRecord | Faulty:
    """A piece of evidence, new (`id` None) or in place of one recorded before."""
    known = profiles.kinds.get(kind)
    if known is None or not known.by_staff or case.channel is None:
        return Faulty({"kind": Fault.UNKNOWN if kind else Fault.MISSING})
    if id is not None and id not in {one.id for one in case.evidence}:
        return Faulty({"id": Fault.UNKNOWN})
    faults = _faults_in_fields(known, fields)
    checks = _checks(known.checks, profiles, member, case.channel, answers, now, faults)
    if faults:
        return Faulty(faults)
    kept = {name: value.strip() for name, value in fields.items() if value.strip()}
    return EvidenceRecord(id or _next(case), kind, known.type, member.id, now, kept, checks)


def person_checks(
    case: Case, profiles: Profiles, member: StaffMember, now: float, answers: Sequence[Answer]
) -> tuple[CheckRecord, ...] | Faulty:
    """Checks of the person, beside those of the evidence."""
    if case.channel is None:
        return Faulty({"kind": Fault.MISSING})
    faults: dict[str, Fault] = {}
    checks = _checks(profiles.person, profiles, member, case.channel, answers, now, faults)
    return Faulty(faults) if faults else checks


def details(claims: Mapping[str, str], now: float) -> Mapping[str, str] | Faulty:
    """The person's details, trimmed. A date of birth is a real day that is not in the future."""
    told = {name: value.strip() for name, value in claims.items() if value.strip()}
    faults: dict[str, Fault] = {name: Fault.UNKNOWN for name in told if name not in DETAILS}
    faults |= {name: Fault.MISSING for name, needed in DETAILS.items() if needed and name not in told}
    faults |= {name: Fault.TOO_LONG for name, value in told.items() if len(value) > LONGEST}
    if "birthdate" in told and not _past(told["birthdate"], now):
        faults["birthdate"] = Fault.NOT_A_DATE
    return Faulty(faults) if faults else told


def checklist(names: Iterable[str], profiles: Profiles, member: StaffMember, channel: Channel) -> tuple[str, ...]:
    """The checks of a list that can be made in this channel by this member of staff."""
    return tuple(name for name in names if _hindrance(name, profiles, member, channel) is None)


def marks(kind: EvidenceKind, record: EvidenceRecord, blind: Callable[[str], str]) -> tuple[str, ...]:
    """Keyed marks of the numbers by which a piece of evidence is known again in another case."""
    return tuple(
        blind(f"{record.kind}.{name}:{plain(record.details[name])}")
        for name, field in kind.fields.items()
        if field.mark and name in record.details
    )


def _faults_in_fields(kind: EvidenceKind, fields: Mapping[str, str]) -> dict[str, Fault]:
    faults = {name: Fault.UNKNOWN for name in fields if name not in kind.fields}
    for name, field in kind.fields.items():
        value = fields.get(name, "").strip()
        if field.required and not value:
            faults[name] = Fault.MISSING
        elif len(value) > LONGEST:
            faults[name] = Fault.TOO_LONG
    return faults


def _hindrance(check: str, profiles: Profiles, member: StaffMember, channel: Channel) -> Fault | None:
    kind = profiles.checks[check]
    if channel not in kind.methods:
        return Fault.NOT_IN_THIS_CHANNEL
    return Fault.NOT_TRAINED if kind.skill is not None and kind.skill not in member.trained else None


def _checks(
    names: Sequence[str],
    profiles: Profiles,
    member: StaffMember,
    channel: Channel,
    answers: Sequence[Answer],
    now: float,
    faults: dict[str, Fault],
) -> tuple[CheckRecord, ...]:
    """The answers as records; what is wrong with them is noted in `faults`."""
    given = {answer.check: answer for answer in answers}
    faults |= {check: Fault.UNKNOWN for check in given if check not in names}
    records = []
    for name in names:
        hindrance, answer = _hindrance(name, profiles, member, channel), given.get(name)
        if answer is None:
            if hindrance is None and not profiles.checks[name].optional:
                faults[name] = Fault.MISSING
        elif hindrance is not None:
            faults[name] = hindrance
        elif (answer.outcome is Outcome.COULD_NOT) != fits(Occasion.COULD_NOT, *filter(None, [answer.reason])):
            faults[name] = Fault.REASON
        else:
            records.append(CheckRecord(name, answer.outcome, member.id, now, answer.reason))
    return tuple(records)


def _next(case: Case) -> str:
    used = [int(one.id[1:]) for one in case.evidence if one.id[1:].isdigit()]
    return f"e{max(used, default=0) + 1}"


def _past(text: str, now: float) -> bool:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10 and day.year >= 1890 and day <= datetime.fromtimestamp(now, UTC).date()
