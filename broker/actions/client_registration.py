"""Dynamic client registration, for brokers used for development and trials (RFC 7591, RFC 7592)."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from broker.actions.ports import MacSigner
from broker.model import handle as handles
from broker.model.json_types import JsonObject
from broker.model.service import SELF_REGISTERED_PREFIX, Service
from broker.oidc.dynamic_registration import client_metadata, invalid_metadata, to_client_settings
from broker.oidc.errors import EndpointError, Scheme
from broker.oidc.resource_request import invalid_token
from broker.platform import base64url
from broker.platform.system import System
from broker.platform.toml_loader import Problem


class ClientStore(Protocol):
    """The store of services' settings files."""

    async def add(self, client_id: str, file: JsonObject) -> Sequence[Problem]:
        """Stores the settings file of a service and reloads. Returns the problems of the file; then nothing is stored.

        Raises StoreUnavailable if the reload is impossible at the moment.
        """
        ...

    async def text(self, client_id: str) -> str:
        """The settings file of a service; "" if there is none."""
        ...

    async def remove(self, client_id: str) -> None:
        """Deletes a service's settings file. Raises StoreUnavailable if the service could not be removed."""
        ...


@dataclass(frozen=True, slots=True)
class RegistrationContext:
    """What registration works with, built once. `url` is the registration endpoint."""

    url: str
    languages: tuple[str, ...]
    registry: ClientStore
    services: Callable[[], Mapping[str, Service]]
    system: System
    macs: MacSigner


async def register(context: RegistrationContext, metadata: JsonObject) -> dict[str, object]:
    """Registers a service. Returns its client information, with secret and registration token (RFC 7591 3.2.1)."""
    file = to_client_settings(metadata, context.languages)
    client_id = SELF_REGISTERED_PREFIX + context.system.random_bytes(8).hex()
    secrets: dict[str, object] = {}
    if str(file["authentication"]).startswith("client_secret"):
        secret = handles.new_handle(context.system, size=32)
        file["secret_digest"] = handles.sha256_hex(secret)
        secrets = {"client_secret": secret, "client_secret_expires_at": 0}
    # each service has its own sector: by naming another service's host it could otherwise link citizens
    file["sector"] = client_id
    problems = await context.registry.add(client_id, file)
    if problems:
        first = next((one for one in problems if one.path.startswith("redirect_uris")), problems[0])
        raise invalid_metadata(first.path, f"{first.what}: {first.fix}")
    information = _client_information(context, context.services()[client_id])
    return {**information, **secrets, "client_id_issued_at": int(context.system.now())}


def read_registration(context: RegistrationContext, client_id: str, authorization: str | None) -> dict[str, object]:
    """Returns the client information to the holder of the registration token (RFC 7592 2.1). Raises EndpointError."""
    return _client_information(context, _load_own(context, client_id, authorization))


async def unregister(context: RegistrationContext, client_id: str, authorization: str | None) -> None:
    """Ends a registration (RFC 7592 2.3). Raises EndpointError."""
    await context.registry.remove(_load_own(context, client_id, authorization).client_id)


def _client_information(context: RegistrationContext, service: Service) -> dict[str, object]:
    mark = context.macs.mac("registration", service.client_id.encode())
    return {
        **client_metadata(service),
        "registration_client_uri": f"{context.url}/{service.client_id}",
        "registration_access_token": f"registration_{base64url.encode(mark)}",
    }


def _load_own(context: RegistrationContext, client_id: str, authorization: str | None) -> Service:
    """Returns the service of the token. A service that was removed is answered like a wrong token (RFC 7592 2.1)."""
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
