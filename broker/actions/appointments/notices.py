"""What the citizen is sent about an appointment: that it was made, a reminder, that it was missed."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from broker.assisted.case import Case
from broker.assisted.case_records import Appointment, Channel
from broker.assisted.case_states import CaseState
from broker.assisted.deadlines import CasePolicy
from broker.model.languages import lookup
from broker.model.notification import NotificationKind

_BY_CHANNEL: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        Channel.VIDEO.value: {"en": "by video", "cy": "drwy fideo", "ar": "بالفيديو"},
        Channel.PHONE.value: {"en": "we call you", "cy": "byddwn yn eich ffonio", "ar": "نتصل بك هاتفيًا"},
        Channel.PHONE_AND_POST.value: {"en": "we call you", "cy": "byddwn yn eich ffonio", "ar": "نتصل بك هاتفيًا"},
    }
)
"""Where an appointment is that is in no office."""


def appointment_notice(
    before: Case, after: Case, policy: CasePolicy
) -> tuple[NotificationKind, Mapping[str, str | float]] | None:
    """The notice about the appointment that a change of a case brings about, with its fields."""
    if after.state is CaseState.REQUESTED and after.missed > before.missed and after.closing is None:
        return NotificationKind.MISSED, {}
    made, had = after.appointment, before.appointment
    if after.state is not CaseState.SCHEDULED or made is None:
        return None
    fields: dict[str, str | float] = {"begins": made.begins, "place": place_name(made, policy, after.language)}
    if had is None or had.id != made.id:
        return NotificationKind.SCHEDULED, fields
    return (NotificationKind.REMINDER, fields) if had.reminders != made.reminders else None


def place_name(appointment: Appointment, policy: CasePolicy, language: str) -> str:
    """Where an appointment is, in words: the name and the address of the office, or how staff get in touch."""
    office = next((one for one in policy.offices if one.id == appointment.place), None)
    if office is not None:
        name = office.names[lookup(language, office.names) or next(iter(office.names))]
        return f"{name}, {office.address}"
    texts = _BY_CHANNEL.get(appointment.place, {})
    return texts.get(lookup(language, texts) or "en", appointment.place)
