"""The register of services, checked: claims that were really released, against those that each service may ask for."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from broker.actions.open_data.publishing import PORTIONS
from broker.model.account import ACCOUNT_SERVICE
from broker.model.audit import AuditEvent
from broker.model.release import ClaimRelease, not_registered, releases_in
from broker.model.service import Service

LOG: Final = logging.getLogger("portico.open_data")


class ClaimReleases(Protocol):
    """Released claims, counted from the audit record."""

    async def count_sealed(
        self, judge: Callable[[Iterable[AuditEvent]], Sequence[ClaimRelease]]
    ) -> tuple[int, Sequence[ClaimRelease]]:
        """Counts the next portion of sealed audit rows. Returns how many rows it went on and what they told; 0 if there
        were none, or if another process counts at present.
        """
        ...

    async def released(self) -> Sequence[ClaimRelease]:
        """Every claim that was released to a service, by service and claim."""
        ...


class ReleaseCheck:
    """Compares each release with the register as it is, and as it was at the check before: a claim that a reload has
    just taken away may have been released a moment earlier. `observe` gets each difference.
    """

    def __init__(
        self, releases: ClaimReleases, services: Mapping[str, Service], observe: Callable[[str, str], None]
    ) -> None:
        self._releases = releases
        self._services = services
        self._observe = observe
        self._before: Mapping[str, frozenset[str]] = {}

    async def __call__(self) -> None:
        """Counts what was sealed since the last time, and tells of each difference by log and metric."""
        now = {name: service.claims for name, service in self._services.items()}
        known = {
            name: now.get(name, frozenset()) | self._before.get(name, frozenset()) for name in {**now, **self._before}
        }
        self._before = now

        def judge(events: Iterable[AuditEvent]) -> Sequence[ClaimRelease]:
            found = [one for one in releases_in(events) if one.client_id in known and one.client_id != ACCOUNT_SERVICE]
            wrong = set(not_registered(found, known))
            return [replace(one, alarm=one.last) if one in wrong else one for one in found]

        for _ in range(PORTIONS):
            advanced, found = await self._releases.count_sealed(judge)
            for one in found:
                if one.alarm is not None:
                    self._observe(one.client_id, one.claim)
                    LOG.error("release_not_registered", extra={"client_id": one.client_id, "claim": one.claim})
            if not advanced:
                return
