"""Services that register by themselves, where trying out is what a broker is for (RFC 7591, RFC 7592)."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from broker.actions.ports import MacSigner
from broker.model import handle as handles
from broker.model.service import SELF_REGISTERED_PREFIX, Service
from broker.oidc.dynamic_registration import client_metadata, invalid_metadata, to_client_settings
from broker.oidc.errors import EndpointError, Scheme
from broker.oidc.resource_request import invalid_token
from broker.platform import base64url
from broker.platform.system import System
from broker.platform.toml_loader import Problem


class ClientStore(Protocol):
    """Where the files of services are kept."""

    async def add(self, client_id: str, file: Mapping[str, Any]) -> Sequence[Problem]:
        """Keeps the file of a service and has it taken; or says what is wrong with it, and keeps nothing.

        Raises StoreUnavailable where it cannot be taken at the moment.
        """
        ...

    async def remove(self, client_id: str) -> None:
        """Takes a service's file away. Raises StoreUnavailable where the service stays in force all the same."""
        ...


@dataclass(frozen=True, slots=True)
class RegistrationContext:
    """What registering works with, built once. `url` is the registration endpoint."""

    url: str
    languages: tuple[str, ...]
    registry: ClientStore
    services: Callable[[], Mapping[str, Service]]
    system: System
    macs: MacSigner


async def register(context: RegistrationContext, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A new service, and what it is told once: its secret, and the token that reads and ends it (RFC 7591 3.2.1)."""
    file = to_client_settings(metadata, context.languages)
    client_id = SELF_REGISTERED_PREFIX + context.system.random_bytes(8).hex()
    given: dict[str, Any] = {}
    if str(file["authentication"]).startswith("client_secret"):
        secret = handles.new_handle(context.system, size=32)
        file["secret_digest"] = handles.sha256_hex(secret)
        given = {"client_secret": secret, "client_secret_expires_at": 0}
    # a sector of its own: whoever named the host of another service could else tell that two citizens are one
    file["sector"] = client_id
    problems = await context.registry.add(client_id, file)
    if problems:
        first = next((one for one in problems if one.path.startswith("redirect_uris")), problems[0])
        raise invalid_metadata(first.path, f"{first.what}: {first.fix}")
    told = _client_information(context, context.services()[client_id])
    return {**told, **given, "client_id_issued_at": int(context.system.now())}


def read_registration(context: RegistrationContext, client_id: str, authorization: str | None) -> dict[str, Any]:
    """What is registered, for whoever holds the registration's token (RFC 7592 2.1). Raises EndpointError."""
    return _client_information(context, _load_own(context, client_id, authorization))


async def unregister(context: RegistrationContext, client_id: str, authorization: str | None) -> None:
    """Ends a registration (RFC 7592 2.3). Raises EndpointError."""
    await context.registry.remove(_load_own(context, client_id, authorization).client_id)


def _client_information(context: RegistrationContext, service: Service) -> dict[str, Any]:
    mark = context.macs.mac("registration", service.client_id.encode())
    return {
        **client_metadata(service),
        "registration_client_uri": f"{context.url}/{service.client_id}",
        "registration_access_token": f"registration_{base64url.encode(mark)}",
    }


def _load_own(context: RegistrationContext, client_id: str, authorization: str | None) -> Service:
    """The service whose token this is. One that is gone is answered like a wrong token (RFC 7592 2.1)."""
    scheme, _, token = (authorization or "").partition(" ")
    mark = _registration_token(token.strip(" "))
    service = context.services().get(client_id) if client_id.startswith(SELF_REGISTERED_PREFIX) else None
    right = context.macs.mac_matches("registration", client_id.encode(), mark)
    if scheme.lower() != "bearer" or not right or service is None:
        raise _invalid_token()
    return service


def _registration_token(token: str) -> bytes:
    body = token.removeprefix("registration_")
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""


def _invalid_token() -> EndpointError:
    return invalid_token("no registration has this token", Scheme.BEARER)
