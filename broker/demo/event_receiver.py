"""Receiver of security events at a service (OpenID Shared Signals Framework 1.0, push by RFC 8935)."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

PUSH = "urn:ietf:rfc:8935"
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"


class RefusedEvent(Exception):
    """A token that is not accepted; the text is the error of RFC 8935 2.4."""


@dataclass(slots=True)
class EventReceiver:
    """The stream of the service: created when `connect` is called, in place of an earlier one.

    `secret` comes with each push. `events` are those that arrived, each as type and subject.
    """

    issuer: str
    client_id: str
    client_secret: str
    address: str
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    events: list[tuple[str, str]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    keys_at: str = ""

    async def connect(self) -> str:
        """Requests a token for the service itself, creates the stream, and asks for a verification event.

        Returns "" or what went wrong.
        """
        async with httpx2.AsyncClient() as client:
            form = {"grant_type": "client_credentials", "scope": "ssf.manage"}
            granted = await client.post(
                f"{self.issuer}/token", data=form, auth=httpx2.BasicAuth(self.client_id, self.client_secret)
            )
            if granted.status_code != 200:
                return str(granted.json().get("error_description", granted.status_code))
            client.headers["Authorization"] = f"Bearer {granted.json()['access_token']}"
            metadata = (await client.get(f"{self.issuer}/.well-known/ssf-configuration")).json()
            self.keys_at, streams = metadata["jwks_uri"], metadata["configuration_endpoint"]
            for old in (await client.get(streams)).json():
                await client.delete(streams, params={"stream_id": old["stream_id"]})
            delivery = {
                "method": PUSH,
                "endpoint_url": self.address,
                "authorization_header": f"Bearer {self.secret}",
            }
            made = await client.post(streams, json={"delivery": delivery, "description": "sample service"})
            if made.status_code != 201:
                return str(made.json().get("error_description", made.status_code))
            about = {"stream_id": made.json()["stream_id"], "state": secrets.token_urlsafe(8)}
            await client.post(metadata["verification_endpoint"], json=about)
        return ""

    async def receive(self, authorization: str, token: str) -> None:
        """Verifies a pushed token, and notes its event. Raises RefusedEvent."""
        if not self.keys_at or not secrets.compare_digest(authorization, f"Bearer {self.secret}"):
            raise RefusedEvent("authentication_failed")
        async with httpx2.AsyncClient() as client:
            keys = (await client.get(self.keys_at)).json()
        try:
            read = jwt.decode(token, KeySet.import_key_set(keys), algorithms=["RS256"])
        except (JoseError, ValueError):
            raise RefusedEvent("invalid_key") from None
        claims: dict[str, Any] = read.claims
        if read.header.get("typ") != "secevent+jwt" or len(claims.get("events", {})) != 1:
            raise RefusedEvent("invalid_request")
        if claims.get("iss") != self.issuer:
            raise RefusedEvent("invalid_issuer")
        if claims.get("aud") != self.client_id:
            raise RefusedEvent("invalid_audience")
        if claims["jti"] not in self.seen:
            self.seen.add(claims["jti"])
            [kind] = claims["events"]
            self.events.append((kind.rpartition("/")[2], _subject(claims["sub_id"])))


def _subject(sub_id: dict[str, Any]) -> str:
    """Whom an event is about, in words."""
    if sub_id["format"] == "complex":
        return f"citizen {sub_id['user']['sub']}, session {sub_id['session']['id']}"
    return f"citizen {sub_id['sub']}" if sub_id["format"] == "iss_sub" else f"stream {sub_id['id']}"
