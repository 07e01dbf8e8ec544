"""What services are told when a session has ended, and how that is written."""

from collections.abc import Mapping

from broker.actions.deliver import Letter, Writer
from broker.actions.needs import Signing
from broker.ambient import Ambient
from broker.model import handle as handles
from broker.model.delivery import Delivery
from broker.model.service import Service
from broker.model.session import Farewell
from broker.oidc.logout_token import TYPE, logout_deliveries, logout_token_claims
from broker.signing import signed


def farewell(services: Mapping[str, Service], now: float) -> Farewell:
    """What the services of an ended session are told, as they are configured."""
    return lambda ended: logout_deliveries(ended, services, now)


def logout_writer(issuer: str, services: Mapping[str, Service], keys: Signing, ambient: Ambient) -> Writer:
    """Writes a logout token, signed as the service's ID tokens are (Back-Channel Logout 1.0, 2.4, 2.5)."""

    async def write(delivery: Delivery) -> Letter | None:
        service = services.get(delivery.client_id)
        if service is None or service.backchannel_logout_uri is None:
            return None
        claims = logout_token_claims(delivery, issuer, handles.fresh(ambient), ambient.now())
        token = await signed(claims, keys.signing(service.id_token_alg), TYPE)
        return Letter(service.backchannel_logout_uri, {"logout_token": token})

    return write
