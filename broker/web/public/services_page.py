"""Public register of the services: what each may ask for and why, at which level, and what it really got."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, TypedDict

from starlette.responses import Response

from broker.actions.open_data.register import ServiceEntries
from broker.actions.open_data.releases import ClaimReleases
from broker.model.assurance import Level
from broker.model.service import Service
from broker.model.service_entry import ServiceEntry
from broker.oidc.third_party_login import initiate_login
from broker.web.citizens.claim_labels import label
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.page_context import base_context, level_text
from broker.web.citizens.request import CitizenRequest
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.shared.responses import PageResponse

SHEET = PageTemplate("services", "public/services.html")

PER_PAGE: Final = 20
"""Services of the register on one page."""
CHANGES: Final = 5
"""Changes of a service that the page shows."""
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class AskedClaim:
    """A claim that a service may ask for: its label, why, and whether the service got it, in words."""

    label: str
    reason: str
    got: str


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service of the register, in words. `more` are claims that it got before and may not ask for now, `since` is
    the day of its registration, `changes` are the latest ones of what it may ask for."""

    name: str
    url: str | None
    level: str
    claims: tuple[AskedClaim, ...]
    more: str
    since: str = ""
    changes: tuple[str, ...] = ()


def list_services(
    services: Mapping[str, Service], issuer: str, releases: ClaimReleases | None, entries: ServiceEntries | None = None
) -> Callable[[CitizenRequest], Awaitable[Response]]:
    """A handler that lists the current services with their third-party login address (OpenID Connect Core 4).

    `releases` are what the audit record says, `entries` the history of the register; None if it is not asked.
    """

    async def answer(req: CitizenRequest) -> Response:
        frame = req.frame()
        words = frame.language
        got: dict[str, dict[str, float]] = {}
        for one in () if releases is None else await releases.released():
            got.setdefault(one.client_id, {})[one.claim] = one.last
        history: dict[str, list[ServiceEntry]] = {}
        for entry in () if entries is None else await entries.history():
            history.setdefault(entry.client_id, []).append(entry)
        rows = [
            replace(
                _row(one, issuer, got.get(one.client_id, {}), words),
                **_past(history.get(one.client_id, ()), words),
            )
            for one in services.values()
        ]
        listed = sorted(rows, key=lambda row: row.name.casefold())
        number = _page_number(req.request.query_params.get("page", ""), len(listed))
        variables = {
            "listed": [row for row in listed if row.url is not None],
            "register": listed[number * PER_PAGE :][:PER_PAGE],
            "before": number,
            "after": number + 2 if (number + 1) * PER_PAGE < len(listed) else 0,
        }
        return req.answer(PageResponse(SHEET.name, {**base_context(frame), **variables}), frame)

    return answer


class Past(TypedDict):
    """The history of a service, in words."""

    since: str
    changes: tuple[str, ...]


def _past(entries: Sequence[ServiceEntry], words: Language) -> Past:
    """Since when a service is registered without a break, and what changed since then."""
    removed = [place for place, entry in enumerate(entries) if entry.removed]
    live = entries[removed[-1] + 1 :] if removed else entries
    if not live:
        return {"since": "", "changes": ()}
    changes = [text for before, after in pairwise(live) for text in _changes(before, after, words)]
    return {"since": words.day(live[0].at), "changes": tuple(changes[::-1][:CHANGES])}


def _changes(before: ServiceEntry, after: ServiceEntry, words: Language) -> Iterator[str]:
    day, had, has = words.day(after.at), set(before.claims), set(after.claims)
    for text, claims in (
        (marked("{day}: it may also ask for: {details}"), has - had),
        (marked("{day}: it may no longer ask for: {details}"), had - has),
    ):
        if claims:
            yield words.text(text, day=day, details=", ".join(label(claim, words) for claim in sorted(claims)))
    if before.level != after.level:
        level = level_text(words, Level[after.level.upper()])
        yield words.text(marked("{day}: another proof is needed: {level}"), day=day, level=level)


def _page_number(asked: str, rows: int) -> int:
    """The page that is asked for, from 0 on; the first one for anything else than a page that there is."""
    number = int(asked) - 1 if asked.isascii() and asked.isdigit() and len(asked) < _DIGITS else 0
    return number if 0 <= number * PER_PAGE < rows else 0


def _row(service: Service, issuer: str, got: Mapping[str, float], words: Language) -> ServiceRow:
    claims = tuple(
        AskedClaim(
            label(one.claim, words),
            in_language(one.reason, words.code),
            words.text("Last given on {day}.", day=words.day(got[one.claim])) if one.claim in got else "",
        )
        for one in service.claim_purposes
    )
    more = ", ".join(label(claim, words) for claim in sorted(got) if claim not in service.claims)
    return ServiceRow(
        service.name(words.code), initiate_login(service, issuer), level_text(words, service.level), claims, more
    )
