"""Public register of the providers: what each needs and proves, until when, and the rule of their order."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from babel.numbers import format_percent
from starlette.responses import Response

from broker.actions.sign_in.context import ConfiguredProvider
from broker.journey.provider_offer import ProviderOption, measure_first_places
from broker.model.provider_policy import DisplayOrder
from broker.web.citizens.page_context import base_context, level_text
from broker.web.citizens.provider_choices import language_names, order_rule, restrictions
from broker.web.citizens.request import CitizenRequest
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate, in_language
from broker.web.shared.responses import PageResponse

BROWSERS: Final = 1_000
"""Made-up browsers with which the random order is measured."""

SHEET = PageTemplate("providers", "public/providers.html")


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """One provider of the register, in words."""

    name: str
    needs: str
    facts: str
    notes: tuple[str, ...]
    page: str | None


def list_providers(
    providers: Mapping[str, ConfiguredProvider], order: DisplayOrder
) -> Callable[[CitizenRequest], Awaitable[Response]]:
    """A handler that lists the current providers by name, with the rule by which the picker orders them."""

    async def answer(req: CitizenRequest) -> Response:
        frame = req.frame()
        words, now = frame.language, frame.now
        rows = [_row(one, words, now) for one in providers.values() if is_listed(one, now)]
        variables = {
            **base_context(frame),
            "listed": sorted(rows, key=lambda row: row.name.casefold()),
            "order": order_rule(order, words),
            "shuffled": order is DisplayOrder.SHUFFLED,
            "browsers": BROWSERS,
            "places": _places(providers, words, now) if order is DisplayOrder.SHUFFLED else [],
        }
        return req.answer(PageResponse(SHEET.name, variables), frame)

    return answer


def _places(providers: Mapping[str, ConfiguredProvider], words: Language, now: float) -> list[tuple[str, str]]:
    """How often each way came first in made-up browsers, in words; nothing if there is no choice."""
    names = {name: one.provider.card.name(words.code) for name, one in providers.items() if is_listed(one, now)}
    if len(names) < 2:
        return []
    found = measure_first_places(tuple(sorted(names)), BROWSERS)
    rows = ((names[name], format_percent(count / BROWSERS, "#,##0.0%", words.locale)) for name, count in found.items())
    return sorted(rows, key=lambda row: row[0].casefold())


def is_listed(configured: ConfiguredProvider, now: float) -> bool:
    """Whether the public may see the provider."""
    policy = configured.policy
    return policy.enabled and not policy.staff_only and not policy.has_left(now)


def _row(configured: ConfiguredProvider, words: Language, now: float) -> ProviderRow:
    card, policy = configured.provider.card, configured.policy
    option = ProviderOption(
        card,
        closes=policy.accept_new_until,
        closed=not policy.accepts_new(now),
        leaves=policy.accept_sign_in_until,
    )
    facts = [
        words.text("Takes {duration}", duration=words.about_minutes(card.minutes)),
        level_text(words, card.max_level),
    ]
    notes = list(restrictions(option, words))
    if (pause := policy.pause(now)) is not None:
        notes.append(in_language(pause.texts, words.code))
    if policy.languages:
        languages = language_names(policy.languages, words)
        notes.append(words.text("Its own pages are in: {languages}.", languages=languages))
    if card.operator:
        operator = in_language(card.operator, words.code)
        notes.append(words.text("Run by {operator}.", operator=operator))
    if policy.contact:
        notes.append(words.text("Help desk: {contact}", contact=policy.contact))
    needs = in_language(card.needs, words.code)
    return ProviderRow(card.name(words.code), needs, " · ".join(facts), tuple(notes), card.page)
