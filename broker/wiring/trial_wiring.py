"""What a broker for trying out has beside the others: services that register themselves, and pages for engineers."""

from typing import TYPE_CHECKING

from broker.actions.account.developer import DeveloperContext, RecentRequests
from broker.actions.client_registration import ClientStore, RegistrationContext
from broker.actions.sign_in.context import SignInContext
from broker.oidc.discovery import Endpoints
from broker.wiring.container import Container
from broker.wiring.contexts import own_context

if TYPE_CHECKING:
    from broker.web.inspector import ExchangeLog

_REASONS = 5
"""Reasons of refusals that are shown, the latest ones."""


def registration_context(container: Container, urls: Endpoints, files: ClientStore) -> RegistrationContext:
    """What registration works with."""
    return RegistrationContext(
        urls.registration,
        container.settings.broker.languages,
        files,
        lambda: container.configuration.registry.services,
        container.system,
        container.crypto.sealer,
    )


def developer_context(
    container: Container, sign_in: SignInContext, registration: RegistrationContext, log: "ExchangeLog | None"
) -> DeveloperContext:
    """What the pages for engineers work with; `log` is that of the inspector, None without it."""
    recent = None if log is None else lambda client_id: _recent(log, client_id)
    return DeveloperContext(own_context(container, sign_in), registration, recent)


def _recent(log: "ExchangeLog", client_id: str) -> RecentRequests:
    exchanges = tuple(log.of(client_id))
    refused = [one for one in exchanges if one.error]
    reasons = dict.fromkeys(f"{one.path}: {one.error}. {one.description}".rstrip(". ") for one in refused)
    ignored = dict.fromkeys((value.parameter, value.value) for one in exchanges for value in one.ignored)
    redeemed = sum(one.path == "/token" and not one.error for one in exchanges)
    return RecentRequests(len(exchanges), len(refused), redeemed, tuple(reasons)[:_REASONS], tuple(ignored))
