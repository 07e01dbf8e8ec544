"""Back-channel logout of a session: the deliveries that its end stores, and the logout tokens that they send."""

from collections.abc import Mapping

from broker.actions.outbox.deliver import DeliveryBuilder, DeliveryRequest
from broker.actions.ports import SigningKeys
from broker.crypto.signing import sign
from broker.model import handle as handles
from broker.model.outbound_delivery import OutboundDelivery
from broker.model.service import Service
from broker.model.session import LogoutFanOut
from broker.oidc.logout_token import TYPE, logout_deliveries, logout_token_claims
from broker.platform.system import System


def logout_fan_out(services: Mapping[str, Service], now: float) -> LogoutFanOut:
    """Returns the function that lists the deliveries to the services of an ended session."""
    return lambda ended: logout_deliveries(ended, services, now)


def logout_delivery_builder(
    issuer: str, services: Mapping[str, Service], keys: SigningKeys, system: System
) -> DeliveryBuilder:
    """Builds a logout token, signed as the service's ID tokens are (Back-Channel Logout 1.0, 2.4, 2.5)."""

    async def build(delivery: OutboundDelivery) -> DeliveryRequest | None:
        service = services.get(delivery.client_id)
        if service is None or service.backchannel_logout_uri is None:
            return None
        claims = logout_token_claims(delivery, issuer, handles.new_handle(system), system.now())
        token = await sign(claims, keys.signing(service.id_token_alg), TYPE)
        return DeliveryRequest(service.backchannel_logout_uri, {"logout_token": token})

    return build
