"""Prometheus metrics: every metric with its name, labels and meaning. Imported by `open_metrics` alone, which says why.

Label values are closed sets and ids from the configuration. The child metric for a set of labels is cached: finding it
by its labels costs several times what counting does.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from broker.assisted.case_row import CaseCounts
from broker.assisted.measures import Key, Tally
from broker.model.audit import AuditEvent
from broker.web.operations.metric_files import process, runs

BUCKETS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds in seconds. Requests that call a provider may take up to 8 seconds, all others a few milliseconds."""

Labels = Callable[[AuditEvent], tuple[str, ...]]


class Metrics:
    """The metrics of one process."""

    def __init__(self, folder: Path | None) -> None:
        """`folder` is shared with other processes; None for a single process."""
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
            "Seconds from the request to the end of its response",
            ("door", "method", "route", "status"),
            registry=registry,
            buckets=BUCKETS,
        )
        self._refusals = counter("refusals", "Responses with a protocol error, by error code", "door", "error")
        self._started = counter("sign_ins_started", "Transactions started", "client_id")
        self._facts = counter("facts", "Audit rows written that no other counter counts", "kind")
        tokens = counter("tokens_issued", "Access tokens issued, by what was presented", "by")
        self._by_kind: Mapping[str, tuple[Counter, Labels]] = {
            "service_answered": (counter("sign_ins_answered", "Codes given to services", "provider", "level"), _answer),
            "attempt_failed": (counter("failures", "Attempts that failed", "failure", "provider"), _failure),
            "given_up": (
                counter("given_up", "Citizens who returned without an answer", "failure"),
                _left,
            ),
            "case_submitted": (counter("help_asked", "Citizens who asked for a person", "client_id"), _service),
            "code_redeemed": (tokens, lambda _: ("code",)),
            "grant_refreshed": (tokens, lambda _: ("refresh",)),
        }
        self._provider_failures = counter(
            "provider_failures",
            "Attempts that failed at a provider, by reason",
            "provider",
            "reason",
            "cause",
            "fault",
        )
        self._strays = counter("stray_callbacks", "Callbacks that matched no attempt", "provider", "why")
        self._operator_calls = counter(
            "operator_calls", "Failures that only an operator can fix", "failure", "provider"
        )
        self._malformed = counter("claims_malformed", "Claims of providers dropped as malformed", "provider", "claim")
        self._moves = counter("case_moves", "State changes of verification cases, by new state", "to")
        self._working = gauge("provider_working", "1 while citizens are sent to a provider, else 0", "provider")
        self._breaker = highest("provider_breaker", "Circuit breaker: 0 closed, 1 half open, 2 open", "provider")
        self._closed = highest("provider_closed", "1 while the operator turned a provider off or paused it", "provider")
        self._ends = gauge("provider_ends_seconds", "Seconds until a provider accepts no sign-in", "provider")
        self._differs = highest("provider_differs", "Findings of the last daily test of a provider", "provider")
        self._departed = counter("departures", "Citizens sent to a provider", "provider")
        self._queued = counter("queued", "Citizens who got a place in the line of a provider", "provider")
        self._line = highest("queue_seconds", "Seconds that the last citizen in line waits", "provider")
        self._last_departure: dict[str, float] = {}
        self._reachable = gauge("store_reachable", "1 while a store answers, else 0", "store")
        self._evicts = highest("passing_evicts", "1 while Redis would evict records to free memory, else 0")
        self._evicts.set(0)
        self._configuration = gauge("configuration_version", "Version of the last `portico reload` that was applied")
        self._delivered = counter("deliveries", "Delivery attempts to services, by outcome", "kind", "outcome")
        self._waiting = highest("deliveries_waiting", "Deliveries waiting", "kind")
        self._oldest = highest("deliveries_oldest_seconds", "Age of the oldest waiting delivery", "kind")
        self._cases = highest("cases_waiting", "Verification cases that wait, counted up to 1,000", "line")
        self._longest = highest("cases_oldest_seconds", "How long the citizen in line longest has waited for staff")
        self._reviews = highest("access_reviews_overdue", "Members of staff whose access was not reviewed in time")
        self._measured = counter(
            "assisted",
            "Measures of assisted verification, counted from the audit record",
            "measure",
            "detail",
            "channel",
        )
        self._releases = counter(
            "releases_not_registered", "Released claims that the service may not ask for", "client_id", "claim"
        )
        self._offset = Gauge(
            "portico_clock_offset_seconds",
            "Seconds by which this machine's clock is ahead of the database's",
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
        self._out = highest("out_of_rotation", "1 while a process is out of rotation because of its clock, else 0")
        # set now and not at the first count, so that a process that cannot write metrics fails at start
        self._processes = Gauge(
            "portico_processes", "Processes that count", registry=registry, multiprocess_mode="livesum"
        )
        self._processes.set(1)
        self._children: dict[tuple[object, ...], Callable[[], None]] = {}
        self._observers: dict[tuple[str, str, str, int], Callable[[float], None]] = {}

    def started(self, client_id: str) -> None:
        """Counts a transaction started for a service."""
        self._count(self._started, client_id)

    def release_differs(self, client_id: str, claim: str) -> None:
        """Counts a released claim that the service may not ask for."""
        self._count(self._releases, client_id, claim)

    def recorded(self, events: Sequence[AuditEvent]) -> None:
        """Counts audit rows that were committed."""
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
        """Counts a failed attempt at a provider: reason and cause of the contract, fault of the provider's kind."""
        self._count(self._provider_failures, provider, reason, cause, fault)

    def stray_callback(self, provider: str, why: str) -> None:
        """Counts a callback that matched no attempt."""
        self._count(self._strays, provider, why)

    def operator_called(self, failure: str, provider: str) -> None:
        """Counts a failure of a class that only an operator can fix."""
        self._count(self._operator_calls, failure, provider)

    def claim_malformed(self, provider: str, claim: str) -> None:
        """Counts a provider's claim (by the broker's name of it) that was dropped as malformed."""
        self._count(self._malformed, provider, claim)

    def delivered(self, kind: str, outcome: str) -> None:
        """Counts a delivery attempt by its outcome."""
        self._count(self._delivered, kind, outcome)

    def waiting(self, kind: str, count: int, oldest: float) -> None:
        """Sets the number of waiting deliveries of a kind and the age of the oldest in seconds."""
        self._waiting.labels(kind).set(count)
        self._oldest.labels(kind).set(oldest)

    def cases(self, counts: CaseCounts, now: float) -> None:
        """Sets how many verification cases wait, and how long the first of them has."""
        for line in ("queued", "reviews", "late", "stopped"):
            self._cases.labels(line).set(getattr(counts, line))
        self._longest.set(0.0 if counts.oldest is None else max(0.0, now - counts.oldest))

    def access_reviews(self, overdue: int) -> None:
        """Sets how many members of staff have access that was not reviewed in time."""
        self._reviews.set(overdue)

    def measured(self, counted: Mapping[Key, Tally]) -> None:
        """Counts what was newly counted from the audit record, by the first word of its detail."""
        for key, tally in counted.items():
            detail = key.detail.partition(" ")[0]
            self._measured.labels(key.measure.value, detail, key.channel).inc(tally.count)

    def answered(self, listener: str, method: str, route: str, status: int, seconds: float) -> None:
        """Records a response and the seconds from the request to it."""
        key = (listener, method, route, status)
        observe = self._observers.get(key)
        if observe is None:
            observe = self._observers[key] = self._seconds.labels(listener, method, route, str(status)).observe
        observe(seconds)

    def refused(self, listener: str, error: str) -> None:
        """Counts a response with a protocol error."""
        self._count(self._refusals, listener, error)

    def provider(self, provider_id: str, *, working: bool) -> None:
        """Sets whether citizens are sent to a provider."""
        self._working.labels(provider_id).set(float(working))

    def provider_state(self, provider_id: str, *, breaker: int, closed: bool, ends: float | None) -> None:
        """Sets the state of a provider: its breaker, whether the operator closed it, seconds until its end if it has
        one."""
        self._breaker.labels(provider_id).set(breaker)
        self._closed.labels(provider_id).set(float(closed))
        if ends is not None:
            self._ends.labels(provider_id).set(ends)

    def provider_tested(self, provider_id: str, findings: int) -> None:
        """Sets how many things the daily test of a provider found."""
        self._differs.labels(provider_id).set(findings)

    def departed(self, provider_id: str) -> None:
        """Counts a citizen sent to a provider."""
        self._count(self._departed, provider_id)

    def queued(self, provider_id: str, departs: float) -> None:
        """Counts a citizen who got a place in line, and departs then (seconds since 1970 UTC)."""
        self._count(self._queued, provider_id)
        self._last_departure[provider_id] = departs

    def update_lines(self, now: float) -> None:
        """Sets how long the lines are now, as far as this process gave places in them."""
        for provider_id, departs in self._last_departure.items():
            self._line.labels(provider_id).set(max(0.0, departs - now))

    def store(self, name: str, *, reachable: bool) -> None:
        """Sets whether a store answers."""
        self._reachable.labels(name).set(float(reachable))

    def evicting(self, *, evicts: bool) -> None:
        """Sets whether Redis would evict records to free memory."""
        self._evicts.set(float(evicts))

    def clock(self, offset: float, *, out: bool) -> None:
        """Sets how many seconds this machine's clock is ahead of the database's, and whether it is out of rotation."""
        self._offset.set(offset)
        self._out.set(float(out))

    def configuration(self, version: int) -> None:
        """Sets the version of the last `portico reload` that was applied."""
        self._configuration.set(float(version))

    def text(self) -> bytes:
        """The metrics of all processes that share the folder, in the Prometheus text format."""
        if self._folder is None:
            return generate_latest(self._registry)
        for file in self._folder.glob("gauge_live*.db"):
            if not runs(ended := process(file)):
                mark_process_dead(ended, str(self._folder))  # type: ignore[no-untyped-call]
        merged = CollectorRegistry()
        MultiProcessCollector(merged, str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(merged)

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
