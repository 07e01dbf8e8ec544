"""Narrator of the demonstration: one line in the terminal for each thing that people do, from the audit events.

A line names service, way, level and class of failure, and never anything personal. A failed sign-in has the reference
of the citizen's page and the command that explains it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from broker.actions.open_data.starts import StartCounter
from broker.journey.transaction import Transaction
from broker.model.audit import AuditEvent
from broker.model.failures import FAILURES
from broker.model.service import Service
from broker.platform.log_context import log_fields
from broker.wiring import Container

_LANGUAGE: Final = "en"
_SPECS: Final = {failure.value: spec for failure, spec in FAILURES.items()}

_TOLD: Final[Mapping[str, str]] = {
    "service_answered": "{service}: signed in by {way}, level {level}. It gets: {claims}",
    "attempt_failed": "{service}: failed at {way}: {failure}. {why}",
    "sharing_declined": "{service}: the citizen did not agree to share",
    "given_up": "{service}: the citizen went back without signing in",
    "help_ended": "{service}: help from a person ended: {failure}",
    "code_redeemed": "{service}: redeemed its code and got tokens",
    "code_replayed": "{service}: sent a code twice; its tokens are revoked",
    "grant_refreshed": "{service}: refreshed its tokens",
    "token_revoked": "{service}: gave a token back",
    "session_ended": "{who}: a session ended",
    "case_submitted": "{service}: the citizen asks a person for help. Be that person at the staff console",
    "staff_signed_in": "{who}: signed in to the staff console",
}
"""Sentences by the kind of an audit row; a row of another kind gives its name."""

_UNTOLD: Final = frozenset(
    {"sign_ins_started", "figures_published", "figures_corrected", "service_registered", "case_opened"}
)
"""What no press of a button causes, and looks at a case, of which each page is one."""


@dataclass(frozen=True, slots=True)
class Narrator:
    """Tells what happens. `write` takes a line; `command` begins the commands that it advises (`portico`), `place` ends
    them (`--config ...`, or nothing).
    """

    services: Callable[[], Mapping[str, Service]]
    write: Callable[[str], None]
    command: str = "portico"
    place: str = ""

    def started(self, transaction: Transaction) -> None:
        """Tells that a sign-in began."""
        request = transaction.request
        level, service = request.min_level.name.lower(), self._service(request.client_id)
        self._tell(transaction.created, f"{service}: a citizen begins to sign in; it asks for level {level}")

    def recorded(self, events: Sequence[AuditEvent]) -> None:
        """Tells what audit rows say, once they are written."""
        for event in events:
            if event.kind not in _UNTOLD:
                self._tell(event.at, self._sentence(event))
            if event.kind == "attempt_failed" and (reference := log_fields().get("reference")):
                explain = f'{self.command} transaction explain "{reference}"{self.place}'
                self.write(f"            reference {reference}: {explain}")

    def _tell(self, at: float, what: str) -> None:
        self.write(f"  {datetime.fromtimestamp(at):%H:%M:%S}  {what}")

    def _sentence(self, event: AuditEvent) -> str:
        details, failure = event.details, event.details.get("failure", "")
        spec, who = _SPECS.get(failure), event.actor
        told = _TOLD.get(event.kind)
        if told is None:
            subject = "a request for help" if event.case is not None else self._service(event.client_id)
            return f"{who}, {subject}: {event.kind.replace('_', ' ').removeprefix('case ')}"
        return told.format(
            service=self._service(event.client_id),
            who=who,
            way=event.provider or "a person",
            level=details.get("level", "unknown"),
            claims=", ".join(details.get("claims", "").split()) or "no details",
            failure=failure.replace("_", " "),
            why=spec.description if spec is not None else "",
        ).rstrip()

    def _service(self, client_id: str | None) -> str:
        found = self.services().get(client_id or "")
        return client_id or "the broker" if found is None else found.name(_LANGUAGE)


class _ToldStarts(StartCounter):
    """Counts by another counter, and tells of each start."""

    def __init__(self, counter: StartCounter, tell: Callable[[Transaction], None]) -> None:
        super().__init__(lambda _: None)
        self._counter = counter
        self._tell = tell

    def count(self, transaction: Transaction) -> None:
        """Tells and counts."""
        self._tell(transaction)
        self._counter.count(transaction)


def narrated(
    container: Container, write: Callable[[str], None], command: str = "portico", place: str = ""
) -> Container:
    """Returns the container, and writes a line for each of its sign-ins and audit rows. Arguments as in Narrator."""
    narrator = Narrator(lambda: container.configuration.registry.services, write, command, place)
    container.connections.sql_stores.audit.report_to(narrator.recorded)
    starts = _ToldStarts(container.monitoring.starts, narrator.started)
    return replace(container, monitoring=replace(container.monitoring, starts=starts))
