"""Disruptions: when a provider or the broker did not work, and the rule by which they begin and end.

They are recorded by one process at a time, a few times a minute, from what all processes observe of the providers; a
gap between two records is an disruption of the broker itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from broker.model.audit import AuditEvent
from broker.model.status_note import StatusNote

BROKER: Final = ""
"""The subject of an disruption of the broker itself."""
GAP: Final = 300.0
"""Seconds without a record after which the broker counts as not working."""
PERSISTS: Final = 30.0
"""Seconds that a provider must not have worked, or worked again, before it is recorded."""
SPAN: Final = 90 * 86_400.0
"""Seconds that the status page looks back."""


class DisruptionKind(StrEnum):
    """Why something did not work."""

    OUTAGE = "outage"
    """It did not answer, or not well enough."""
    PAUSED = "paused"
    """The operator paused it."""
    OFF = "off"
    """The operator turned it off."""


@dataclass(frozen=True, slots=True)
class Disruption:
    """One disruption. `subject` is the id of a provider, or BROKER; times are seconds since 1970 UTC.

    `ended` is None while it lasts.
    """

    subject: str
    kind: DisruptionKind
    began: float
    ended: float | None = None

    def seconds_since(self, start: float, now: float) -> float:
        """How long it lasted since a time."""
        return max(0.0, (now if self.ended is None else self.ended) - max(start, self.began))


@dataclass(frozen=True, slots=True)
class StatusRecord:
    """The recorded disruptions and the operator's notes, the newest first, and from when to when disruptions were
    recorded (None: never).
    """

    disruptions: tuple[Disruption, ...] = ()
    first: float | None = None
    last: float | None = None
    notes: tuple[StatusNote, ...] = ()

    def lasting(self, subject: str) -> Disruption | None:
        """The disruption of a subject that has not ended."""
        return next((one for one in self.disruptions if one.subject == subject and one.ended is None), None)


@dataclass(frozen=True, slots=True)
class Condition:
    """How a provider is now, and since when (None: not known). `kind` is None while it works.

    `known` is False before the process that says so has checked the provider.
    """

    kind: DisruptionKind | None = None
    since: float | None = None
    known: bool = True


def changes(
    open_disruptions: Iterable[Disruption], conditions: Mapping[str, Condition], last: float | None, now: float
) -> tuple[Disruption, ...]:
    """The disruptions that begin or end now.

    `last` is the time of the last record, None if this is the first one. A provider that is not configured any more
    has no disruption.
    """
    changed = []
    lasting = {one.subject: one for one in open_disruptions}
    if last is not None and now - last > GAP:
        changed.append(Disruption(BROKER, DisruptionKind.OUTAGE, last, now))
    for subject, one in lasting.items():
        condition = conditions.get(subject, Condition())
        unknown = one.kind is DisruptionKind.OUTAGE and condition.kind is None and not condition.known
        if condition.kind is not one.kind and _persists(condition, now) and not unknown:
            changed.append(replace(one, ended=max(one.began, _start(condition, now))))
    ending = {one.subject for one in changed}
    for subject, condition in conditions.items():
        if condition.kind is None or not _persists(condition, now):
            continue
        if subject not in lasting or subject in ending:
            ended = max((one.ended or 0.0 for one in changed if one.subject == subject), default=0.0)
            changed.append(Disruption(subject, condition.kind, max(ended, _start(condition, now))))
    return tuple(changed)


def disruption_event(disruption: Disruption, now: float) -> AuditEvent:
    """The audit row of an disruption that begins or ends."""
    kind = "disruption_began" if disruption.ended is None else "disruption_ended"
    details = {"kind": disruption.kind.value, "began": str(int(disruption.began))}
    return AuditEvent(kind, now, "broker", provider=disruption.subject or None, details=details)


def _persists(condition: Condition, now: float) -> bool:
    return condition.since is None or now - condition.since >= PERSISTS


def _start(condition: Condition, now: float) -> float:
    return now if condition.since is None else condition.since


def availability(disruptions: Iterable[Disruption], subject: str, first: float, now: float) -> float:
    """The share of the time since `first`, and of SPAN at most, in which a subject had no disruption."""
    start = max(first, now - SPAN)
    if now <= start:
        return 1.0
    lost = sum(one.seconds_since(start, now) for one in disruptions if one.subject == subject)
    return max(0.0, 1.0 - lost / (now - start))
