"""Public register of the services: what each may ask for and why, at which level, and what it really got."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from broker.actions.open_data.releases import ClaimReleases
from broker.model.service import Service
from broker.oidc.third_party_login import initiate_login
from broker.web.citizens.claim_labels import label
from broker.web.citizens.page_context import base_context, level_text
from broker.web.citizens.request import CitizenRequest
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.shared.responses import PageResponse

SHEET = PageTemplate("services", "public/services.html")

PER_PAGE: Final = 20
"""Services of the register on one page."""
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class AskedClaim:
    """A claim that a service may ask for: its label, why, and whether the service got it, in words."""

    label: str
    reason: str
    got: str


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service of the register, in words. `more` are claims that it got before and may not ask for now."""

    name: str
    url: str | None
    level: str
    claims: tuple[AskedClaim, ...]
    more: str


def list_services(
    services: Mapping[str, Service], issuer: str, releases: ClaimReleases | None
) -> Callable[[CitizenRequest], Awaitable[Response]]:
    """A handler that lists the current services with their third-party login address (OpenID Connect Core 4).

    `releases` are what the audit record says; None if it is not asked.
    """

    async def answer(req: CitizenRequest) -> Response:
        frame = req.frame()
        words = frame.language
        got: dict[str, dict[str, float]] = {}
        for one in () if releases is None else await releases.released():
            got.setdefault(one.client_id, {})[one.claim] = one.last
        rows = [_row(one, issuer, got.get(one.client_id, {}), words) for one in services.values()]
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
