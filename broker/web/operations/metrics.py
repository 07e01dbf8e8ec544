"""Every counter there is, with its name, its labels and what it means. Imported by `open_meters` alone, which says why.

Labels are closed words of the product and ids from the configuration. Children are made once and kept: finding one by
its labels costs several times what counting does.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from broker.model.audit import AuditEvent
from broker.web.operations.metrics_setup import process, runs

BUCKETS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds in seconds. What calls a provider may take up to 8 seconds, everything else a few milliseconds."""

Labels = Callable[[AuditEvent], tuple[str, ...]]


class Metrics:
    """The counters of one process."""

    def __init__(self, folder: Path | None) -> None:
        """`folder` is shared with other processes, or None for a process on its own."""
        self._folder = folder
        self._registry = registry = CollectorRegistry()

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"portico_{name}", meaning, labels, registry=registry)

        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"portico_{name}", meaning, labels, registry=registry, multiprocess_mode="livemin")

        def highest(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"portico_{name}", meaning, labels, registry=registry, multiprocess_mode="livemax")

        self._seconds = Histogram(
            "portico_request_seconds",
            "From a request's arrival to the end of its answer",
            ("door", "method", "route", "status"),
            registry=registry,
            buckets=BUCKETS,
        )
        self._refusals = counter("refusals", "Answers that were a protocol error, by its code", "door", "error")
        self._started = counter("sign_ins_started", "Transactions begun", "client_id")
        self._facts = counter("facts", "Audit rows written that no other counter tells of", "kind")
        tokens = counter("tokens_issued", "Access tokens issued, by what was presented", "by")
        self._by_kind: Mapping[str, tuple[Counter, Labels]] = {
            "service_answered": (counter("sign_ins_answered", "Codes given to services", "provider", "level"), _answer),
            "attempt_failed": (counter("failures", "Attempts that failed", "failure", "provider"), _failure),
            "given_up": (counter("given_up", "Citizens who went back without an answer", "failure"), _left),
            "case_submitted": (counter("help_asked", "Citizens who asked for a person", "client_id"), _service),
            "code_redeemed": (tokens, lambda _: ("code",)),
            "grant_refreshed": (tokens, lambda _: ("refresh",)),
        }
        self._provider_failures = counter(
            "provider_failures",
            "Attempts that failed at a provider, by what was wrong",
            "provider",
            "reason",
            "cause",
            "fault",
        )
        self._strays = counter("stray_callbacks", "Callbacks that did not belong", "provider", "why")
        self._operator_calls = counter(
            "operator_calls", "Failures that only an operator can repair", "failure", "provider"
        )
        self._malformed = counter(
            "claims_malformed", "Claims of providers in a form that was left out", "provider", "claim"
        )
        self._moves = counter("case_moves", "Moves of verification cases, by where they led", "to")
        self._working = gauge("provider_working", "1 while citizens are sent to a provider, else 0", "provider")
        self._reachable = gauge("store_reachable", "1 while a store answers, else 0", "store")
        self._evicts = highest("passing_evicts", "1 while Redis would throw records away to make room, else 0")
        self._evicts.set(0)
        self._configuration = gauge("configuration_version", "The last `portico reload` whose changes were taken")
        self._delivered = counter("deliveries", "Tries to tell a service something, by outcome", "kind", "outcome")
        self._waiting = highest("deliveries_waiting", "Deliveries still to be made", "kind")
        self._oldest = highest("deliveries_oldest_seconds", "Age of the oldest delivery still to be made", "kind")
        self._offset = Gauge(
            "portico_clock_offset_seconds",
            "By how much this machine's clock is ahead of the database's",
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
        self._out = highest("out_of_rotation", "1 while a process serves nothing because of its clock, else 0")
        # made at once, not when something is first counted: a process that cannot count says so at its start
        self._processes = Gauge(
            "portico_processes", "Processes that count", registry=registry, multiprocess_mode="livesum"
        )
        self._processes.set(1)
        self._children: dict[tuple[object, ...], Callable[[], None]] = {}
        self._observers: dict[tuple[str, str, str, int], Callable[[float], None]] = {}

    def started(self, client_id: str) -> None:
        """A transaction was begun for a service."""
        self._count(self._started, client_id)

    def recorded(self, events: Sequence[AuditEvent]) -> None:
        """These facts are durable now."""
        for event in events:
            special = self._by_kind.get(event.kind)
            if special is not None:
                self._count(special[0], *special[1](event))
            if (to := event.details.get("to")) is not None:
                if to != event.details.get("from"):
                    self._count(self._moves, to)
            elif special is None:
                self._count(self._facts, event.kind)

    def provider_failed(self, provider: str, reason: str, cause: str, fault: str) -> None:
        """An attempt failed at a provider, for this reason of the contract, with this fault of its kind."""
        self._count(self._provider_failures, provider, reason, cause, fault)

    def stray_callback(self, provider: str, why: str) -> None:
        """A callback did not belong."""
        self._count(self._strays, provider, why)

    def operator_called(self, failure: str, provider: str) -> None:
        """A failure of a class that calls an operator."""
        self._count(self._operator_calls, failure, provider)

    def claim_malformed(self, provider: str, claim: str) -> None:
        """A provider sent a claim (our name of it) in a form that was left out."""
        self._count(self._malformed, provider, claim)

    def delivered(self, kind: str, outcome: str) -> None:
        """One try to deliver something came to this."""
        self._count(self._delivered, kind, outcome)

    def waiting(self, kind: str, count: int, oldest: float) -> None:
        """So many deliveries of a kind wait now, the oldest for so many seconds."""
        self._waiting.labels(kind).set(count)
        self._oldest.labels(kind).set(oldest)

    def answered(self, door: str, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered, so long after it came."""
        key = (door, method, route, status)
        observe = self._observers.get(key)
        if observe is None:
            observe = self._observers[key] = self._seconds.labels(door, method, route, str(status)).observe
        observe(seconds)

    def refused(self, door: str, error: str) -> None:
        """A request was answered with a protocol error."""
        self._count(self._refusals, door, error)

    def provider(self, id: str, working: bool) -> None:
        """How a provider does now."""
        self._working.labels(id).set(float(working))

    def store(self, name: str, reachable: bool) -> None:
        """Whether a store answers now."""
        self._reachable.labels(name).set(float(reachable))

    def evicting(self, *, evicts: bool) -> None:
        """Whether Redis would throw records away."""
        self._evicts.set(float(evicts))

    def clock(self, offset: float, *, out: bool) -> None:
        """By how many seconds this machine's clock is ahead of the database's, and whether that ends serving."""
        self._offset.set(offset)
        self._out.set(float(out))

    def configuration(self, version: int) -> None:
        """Everything that was asked for up to this `portico reload` is taken."""
        self._configuration.set(float(version))

    def text(self) -> bytes:
        """All counters, of all processes that share the folder, in Prometheus' text format."""
        if self._folder is None:
            return generate_latest(self._registry)
        for file in self._folder.glob("gauge_live*.db"):
            if not runs(ended := process(file)):
                mark_process_dead(ended, str(self._folder))  # type: ignore[no-untyped-call]
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody, str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(everybody)

    def _count(self, counter: Counter, *labels: str) -> None:
        key = (counter, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = counter.labels(*labels).inc
        child()


def _answer(event: AuditEvent) -> tuple[str, ...]:
    return event.provider or "", event.details.get("level", "")


def _failure(event: AuditEvent) -> tuple[str, ...]:
    return event.details.get("failure", ""), event.provider or ""


def _left(event: AuditEvent) -> tuple[str, ...]:
    return (event.details.get("failure", ""),)


def _service(event: AuditEvent) -> tuple[str, ...]:
    return (event.client_id or "",)
