"""Services that register by themselves, where trying out is what a broker is for (RFC 7591, RFC 7592)."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from broker.ambient import Ambient
from broker.model import handle as handles
from broker.model.service import SELF_REGISTERED_PREFIX, Service
from broker.oidc.access import invalid_token
from broker.oidc.errors import Scheme, TokenError
from broker.oidc.registration import metadata_of, refused, table
from broker.toml import Problem


class Registry(Protocol):
    """Where the files of services are kept."""

    async def add(self, client_id: str, file: Mapping[str, Any]) -> Sequence[Problem]:
        """Keeps the file of a service and has it taken; or says what is wrong with it, and keeps nothing.

        Raises Unavailable where it cannot be taken at the moment.
        """
        ...

    async def remove(self, client_id: str) -> None:
        """Takes a service's file away. Raises Unavailable where the service stays in force all the same."""
        ...


@dataclass(frozen=True, slots=True)
class Registrar:
    """What registering works with, built once. `url` is the registration endpoint."""

    url: str
    languages: tuple[str, ...]
    registry: Registry
    services: Callable[[], Mapping[str, Service]]
    ambient: Ambient
    mac: Callable[[str, bytes], bytes]
    mac_matches: Callable[[str, bytes, bytes], bool]


async def register(registrar: Registrar, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A new service, and what it is told once: its secret, and the token that reads and ends it (RFC 7591 3.2.1)."""
    file = table(metadata, registrar.languages)
    client_id = SELF_REGISTERED_PREFIX + registrar.ambient.draw(8).hex()
    given: dict[str, Any] = {}
    if str(file["authentication"]).startswith("client_secret"):
        secret = handles.fresh(registrar.ambient, size=32)
        file["secret_digest"] = handles.digest(secret)
        given = {"client_secret": secret, "client_secret_expires_at": 0}
    # a sector of its own: whoever named the host of another service could else tell that two citizens are one
    file["sector"] = client_id
    problems = await registrar.registry.add(client_id, file)
    if problems:
        first = next((one for one in problems if one.path.startswith("redirect_uris")), problems[0])
        raise refused(first.path, f"{first.what}: {first.mend}")
    told = _told(registrar, registrar.services()[client_id])
    return {**told, **given, "client_id_issued_at": int(registrar.ambient.now())}


def registered(registrar: Registrar, client_id: str, authorization: str | None) -> dict[str, Any]:
    """What is registered, for whoever holds the registration's token (RFC 7592 2.1). Raises TokenError."""
    return _told(registrar, _mine(registrar, client_id, authorization))


async def unregister(registrar: Registrar, client_id: str, authorization: str | None) -> None:
    """Ends a registration (RFC 7592 2.3). Raises TokenError."""
    await registrar.registry.remove(_mine(registrar, client_id, authorization).client_id)


def _told(registrar: Registrar, service: Service) -> dict[str, Any]:
    mark = registrar.mac("registration", service.client_id.encode())
    return {
        **metadata_of(service),
        "registration_client_uri": f"{registrar.url}/{service.client_id}",
        "registration_access_token": f"registration_{base64.urlsafe_b64encode(mark).decode().rstrip('=')}",
    }


def _mine(registrar: Registrar, client_id: str, authorization: str | None) -> Service:
    """The service whose token this is. One that is gone is answered like a wrong token (RFC 7592 2.1)."""
    scheme, _, token = (authorization or "").partition(" ")
    mark = _mark(token.strip(" "))
    service = registrar.services().get(client_id) if client_id.startswith(SELF_REGISTERED_PREFIX) else None
    right = registrar.mac_matches("registration", client_id.encode(), mark)
    if scheme.lower() != "bearer" or not right or service is None:
        raise _wrong_token()
    return service


def _mark(token: str) -> bytes:
    body = token.removeprefix("registration_")
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""


def _wrong_token() -> TokenError:
    return invalid_token("no registration has this token", Scheme.BEARER)
