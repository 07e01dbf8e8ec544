"""Services of an account: what each has, the agreement taken back, the service blocked and let in again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from broker.actions.account.own import (
    HOME,
    OwnAccount,
    OwnContext,
    OwnRefusal,
    open_account,
    open_for_change,
    own_event,
)
from broker.actions.browser import Browser
from broker.model.account import Agreement, AgreementEnd
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.security_event import Happened, HappenedKind, InitiatingEntity
from broker.model.service import Service
from broker.model.session import EndedSession
from broker.oidc.logout_token import logout_deliveries
from broker.oidc.security_events import security_events

PATH: Final = f"{HOME}/services"


@dataclass(frozen=True, slots=True)
class OwnService:
    """One service of the account; `service` is None if it is not registered any more."""

    agreement: Agreement
    service: Service | None


@dataclass(frozen=True, slots=True)
class ServicesView:
    """The services of the account."""

    own: OwnAccount
    services: tuple[OwnService, ...]

    def service(self, client_id: str) -> OwnService | None:
        """Returns the service with this client id."""
        return next((one for one in self.services if one.agreement.client_id == client_id), None)


async def view_services(context: OwnContext, browser: Browser) -> ServicesView | None:
    """Returns the services of the browser's account, or None if the browser is not signed in."""
    own = await open_account(context.sign_in, browser)
    if own is None:
        return None
    found = await context.agreements.of_account(own.id, context.sign_in.system.now())
    services = context.sign_in.registry.services
    return ServicesView(own, tuple(OwnService(one, services.get(one.client_id)) for one in found))


async def end_agreement(context: OwnContext, browser: Browser, client_id: str, *, block: bool) -> OwnRefusal | None:
    """Takes back what the citizen agreed to for a service; with `block` the service is refused from then on.

    What the service holds ends in the same write, and it gets a security event, and a logout token for each session.
    """
    own = await open_for_change(context.sign_in, browser)
    if isinstance(own, OwnRefusal):
        return own
    kind = "service_blocked" if block else "agreement_withdrawn"
    event = own_event(context.sign_in, own, kind, client_id)
    service = context.sign_in.registry.services.get(client_id)
    known = {} if service is None else {client_id: service}
    happened = Happened(
        kind=HappenedKind.AGREEMENT_WITHDRAWN,
        account=own.id,
        fact=f"{own.id}:{event.at!r}",
        at=event.at,
        by=InitiatingEntity.USER,
    )

    def logouts(ended: EndedSession) -> Sequence[OutboundDelivery]:
        # the session may end later with the service in it again, and sends its own logout token then
        return [replace(one, id=f"{one.id}:{event.at!r}") for one in logout_deliveries(ended, known, event.at)]

    write = AgreementEnd(own.id, client_id, event, logouts, tuple(security_events(happened, known)), block)
    return None if await context.agreements.end(write) else OwnRefusal.NOTHING


async def unblock(context: OwnContext, browser: Browser, client_id: str) -> OwnRefusal | None:
    """Lets a blocked service in again. It gets nothing before the citizen agrees again."""
    own = await open_for_change(context.sign_in, browser)
    if isinstance(own, OwnRefusal):
        return own
    event = own_event(context.sign_in, own, "service_unblocked", client_id)
    return None if await context.agreements.unblock(own.id, client_id, event) else OwnRefusal.NOTHING
