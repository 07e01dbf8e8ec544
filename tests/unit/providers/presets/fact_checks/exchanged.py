"""What the parts of an exchange hold, read without the broker's or the simulator's own code."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwe
from joserfc.jwk import ECKey, RSAKey

from broker.model.assurance import Level
from tests.unit.providers.presets.exchange import Call, Exchange, key_pem, send


def part(token: str, index: int) -> Mapping[str, Any]:
    """The header (0) or the claims (1) of a signed JWT."""
    text = token.split(".")[index]
    found: Mapping[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def opened(token: str) -> str:
    """The content of a token that is encrypted to one of the broker's keys, else the token."""
    if token.count(".") == 2:
        return token
    header = part(token, 0)
    pem = key_pem("RSA" if header["alg"].startswith("RSA") else "P-256", "enc")
    key = RSAKey.import_key(pem) if header["alg"].startswith("RSA") else ECKey.import_key(pem)
    plain = jwe.decrypt_compact(token, key, algorithms=[header["alg"], header["enc"]]).plaintext
    assert plain is not None
    return plain.decode()


def at(document: Any, path: str) -> Any:
    """The value at a path of dots, or under the whole name."""
    for name in [path] if path in document else path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


async def tokens_of(here: Exchange) -> Mapping[str, Any]:
    """The token response of a sign-in, as the simulator sent it."""
    found: list[Mapping[str, Any]] = []
    real = here.wire.app

    async def listening(scope: Any, receive: Any, transmit: Any) -> None:
        async def keep(message: Any) -> None:
            if message["type"] == "http.response.body" and scope["path"].endswith(path):
                found.append(json.loads(message["body"]))
            await transmit(message)

        await real(scope, receive, keep)

    path = urlsplit(here.simulated.dialect.endpoints["token"]).path
    here.wire.app = listening
    try:
        await here.sign_in(level=here.entry.card.max_level)
    finally:
        here.wire.app = real
    return found[-1]


async def id_token_of(here: Exchange) -> Mapping[str, Any]:
    """The claims of the ID token of a sign-in."""
    return part(opened((await tokens_of(here))["id_token"]), 1)


def assertion_of(here: Exchange) -> str:
    """The client assertion of the last token request."""
    return here.token_call().form["client_assertion"]


def level_of(name: str) -> Any:
    """A level by its name in the facts."""
    return Level[name.upper()]


async def replayed(here: Exchange, call: Call) -> Any:
    """The response to a call that may be sent twice: not one with a proof of possession."""
    return None if "DPoP" in call.headers else await send(here.wire.app, call)
