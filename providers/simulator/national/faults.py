"""Faults of a simulated provider's endpoints and of the documents that it publishes."""

import asyncio
from typing import Final

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from broker.model.json_types import JsonObject

SLOW: Final = 20.0
"""Delay of a slow response in seconds: longer than a client waits."""

JUNK: Final = "<h1>It works!</h1>\x00"
UNUSED_KEYS: Final = 2_000
DID_FRESH: Final = {"Cache-Control": "max-age=3600, private"}

NEW_KEYS: Final = frozenset({"key_rotated", "key_replaced", "huge_keys"})
"""Outcomes with a new signing key, so that a client has to ask for the published keys again."""

NEW_IDENTITY_KEYS: Final = frozenset({"did_other_key", "did_gone", "did_junk"})
"""Outcomes in which a key that is new signs the second JWT, so that a client has to ask for the DID document again."""


class CutOff(Response):
    """A response whose connection is closed after its head."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Announces a body and sends none: the server then closes the connection."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


async def broken_token_endpoint(outcome: str) -> Response | None:
    """The fault of the token endpoint in place of tokens, or None."""
    match outcome:
        case "slow":
            await asyncio.sleep(SLOW)
        case "reset":
            return CutOff()
        case "token_500":
            return PlainTextResponse("Internal Server Error", 500)
        case "gone":
            return PlainTextResponse("Not Found", 404)
        case "redirects":
            return RedirectResponse("https://elsewhere.example/token", 307)
        case "huge_answer":
            return JSONResponse({"access_token": "x" * 1_000_000})
        case "junk":
            return HTMLResponse(JUNK)
    return None


def key_set(outcome: str, keys: list[dict[str, object]]) -> Response:
    """The published keys (RFC 7517 5)."""
    if outcome == "huge_keys":
        keys = [*keys, *({**keys[0], "kid": f"unused-{number}"} for number in range(UNUSED_KEYS))]
    return JSONResponse({"keys": keys})


def did_document(outcome: str, did: str, keys: list[dict[str, object]]) -> Response:
    """The DID document (did:web) with the keys of the second JWT."""
    match outcome:
        case "did_gone":
            return PlainTextResponse("Not Found", 404)
        case "did_junk":
            return HTMLResponse(JUNK)
    controller = "did:web:identity.stranger.example" if outcome == "did_other_key" else did
    methods = [
        {"type": "JsonWebKey", "id": f"{did}#{key['kid']}", "controller": controller, "publicKeyJwk": key}
        for key in keys
    ]
    document: JsonObject = {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/jwk/v1"],
        "id": did,
        "assertionMethod": methods,
    }
    return JSONResponse(document, headers=DID_FRESH)
