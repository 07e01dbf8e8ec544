"""Services that an engineer registered from the own account, for trying a broker out (development alone).

Who registered a service is in the audit record: only that account sees it here, and may end it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from broker.account.activity import YEAR
from broker.actions.account.own import HOME, OwnAccount, OwnContext, OwnRefusal, open_account, own_event
from broker.actions.browser import Browser
from broker.actions.client_registration import RegistrationContext, register
from broker.model.json_types import JsonObject
from broker.model.service import Service
from broker.oidc.dynamic_registration import NO_REASON
from broker.oidc.errors import EndpointError

PATH: Final = f"{HOME}/developers"
_QUOTED: Final = re.compile(r'^"([a-z_]+)" = ')
_OF_TRIAL: Final = ("secret_digest = ", "sector = ")
REGISTERED: Final = "client_registered"
"""Kind of the audit row of a registration, which names the account and the service."""


@dataclass(frozen=True, slots=True)
class RecentRequests:
    """What a service sent lately: the number of requests, of those that were refused, and of codes that were redeemed.

    `refusals` are the latest reasons in words, `ignored` names of parameters with values that had no effect.
    """

    total: int
    refused: int
    redeemed: int
    refusals: tuple[str, ...]
    ignored: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DeveloperContext:
    """What the pages for engineers work with. `recent` is None without the inspector."""

    own: OwnContext
    registration: RegistrationContext
    recent: Callable[[str], RecentRequests] | None


@dataclass(frozen=True, slots=True)
class DeveloperView:
    """The services that were registered from the account, the latest first."""

    own: OwnAccount
    services: tuple[Service, ...]

    def service(self, client_id: str) -> Service | None:
        """Returns the own service with this client id."""
        return next((one for one in self.services if one.client_id == client_id), None)


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A service that was just registered. `secret` is shown once; None for one that has keys."""

    client_id: str
    secret: str | None


async def view_services(context: DeveloperContext, browser: Browser) -> DeveloperView | None:
    """Returns the services of the browser's account, or None if the browser is not signed in."""
    own = await open_account(context.own.sign_in, browser)
    if own is None:
        return None
    rows = await context.own.activity.of_account(own.id, context.own.sign_in.system.now() - YEAR)
    registered = dict.fromkeys(row.client_id or "" for row in rows if row.kind == REGISTERED)
    known = context.own.sign_in.registry.services
    return DeveloperView(own, tuple(known[client] for client in registered if client in known))


async def register_service(
    context: DeveloperContext, browser: Browser, metadata: JsonObject
) -> RegisteredClient | OwnRefusal | str:
    """Registers a service with client metadata (RFC 7591 2). Returns why not in words if they are wrong."""
    own = await open_account(context.own.sign_in, browser)
    if own is None:
        return OwnRefusal.SIGNED_OUT
    try:
        made = await register(context.registration, metadata)
    except EndpointError as error:
        return error.description or error.code
    client_id, secret = str(made["client_id"]), made.get("client_secret")
    try:
        await context.own.sign_in.stores.audit.write([own_event(context.own.sign_in, own, REGISTERED, client_id)])
    except BaseException:  # without the row the service belongs to no account, and its secret was not shown
        await context.registration.registry.remove(client_id)
        raise
    return RegisteredClient(client_id, None if secret is None else str(secret))


async def end_service(context: DeveloperContext, browser: Browser, client_id: str) -> OwnRefusal | None:
    """Ends a registration: the service is refused from then on."""
    view = await view_services(context, browser)
    if view is None:
        return OwnRefusal.SIGNED_OUT
    if view.service(client_id) is None:
        return OwnRefusal.NOTHING
    await context.registration.registry.remove(client_id)
    await context.own.sign_in.stores.audit.write([own_event(context.own.sign_in, view.own, "client_ended", client_id)])
    return None


async def settings_file(context: DeveloperContext, view: DeveloperView, client_id: str) -> str:
    """Returns the settings file of an own service, which an operator reviews before it goes live; "" without one.

    Its secret is not in it, nor the sector: both are another one in production.
    """
    if view.service(client_id) is None:
        return ""
    lines = (await context.registration.registry.text(client_id)).splitlines()
    bare = [_QUOTED.sub(r"\1 = ", line) for line in lines]
    return "\n".join(line for line in bare if not line.startswith(_OF_TRIAL))


def ready_for_production(service: Service) -> Sequence[tuple[str, bool]]:
    """Returns what a service needs before it goes live, by name, and whether it has it."""
    unstated = [use for use in service.claim_purposes if use.reason.get("en") == NO_REASON["en"]]
    return (
        ("https", all(uri.startswith("https://") for uri in service.redirect_uris)),
        ("keys", service.credentials.secret_digest is None),
        ("contact", service.presentation.contact is not None),
        ("notice", service.presentation.privacy_notice is not None),
        ("reasons", not unstated),
    )
