"""Further relying services, whose requests and calls a test makes one by one."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from playwright.async_api import Page

from tests.e2e.app_harness import Stage
from tests.e2e.raw_client import Reply, http_sender

LIBRARY_NAME, ARCHIVE_NAME = "City Library", "State Archive"

# the redirect URI is a public page of the sample service
LIBRARY = """
names = { en = "City Library", cy = "Llyfrgell y Ddinas" }
home = "http://localhost:8002/"
redirect_uris = ["http://localhost:8002/try"]
post_logout_redirect_uris = ["http://localhost:8002/"]
profile = "oidc"
authentication = "client_secret_post"
secret_file = "../../.demo/secrets/library"
sector = "library.example"
level = "low"
scopes = ["openid", "profile"]
refresh = true
ciba = "poll"
contact = "City Library, 01632 960 300"
claims = [{ claim = "name", reason = { en = "To print it on your card", cy = "I'w argraffu ar eich cerdyn" } }]
"""

# No provider reaches its level, and it names no home page to go to.
ARCHIVE = """
names = { en = "State Archive", cy = "Archif y Wladwriaeth" }
home = "http://localhost:8002/"
redirect_uris = ["http://localhost:8002/try"]
profile = "oidc"
authentication = "client_secret_post"
secret_file = "../../.demo/secrets/archive"
sector = "archive.example"
level = "high"
providers = ["harbour"]
contact = "State Archive, 01632 960 301"
"""
FILES: Mapping[str, str] = {"services/library.toml": LIBRARY, "services/archive.toml": ARCHIVE}
"""The services of this file, for a stage's configuration."""


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """One request of the library, or of another service of this file, and what became of it."""

    stage: Stage
    client_id: str = "library"
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(8))

    @property
    def redirect_uri(self) -> str:
        """Redirect URI."""
        return f"{self.stage.service}/try"

    def request(self, **more: str) -> str:
        """The address at the broker that a citizen is sent to (OpenID Connect Core 3.1.2.1)."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": self.client_id,
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "scope": "openid profile",
            "state": self.state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **more,
        }
        return f"{self.stage.issuer}/authorize?{urlencode(asked)}"

    async def answer(self, page: Page) -> dict[str, str]:
        """Waits until the citizen is back; gives the parameters that they bring."""
        await page.wait_for_url(f"{self.redirect_uri}?**")
        parameters = dict(parse_qsl(urlsplit(page.url).query))
        assert (parameters["state"], parameters["iss"]) == (self.state, self.stage.issuer)
        return parameters

    async def redeem(self, code: str) -> Reply:
        """The code becomes tokens, or does not (RFC 6749 4.1.3)."""
        fields = {"grant_type": "authorization_code", "code": code, "code_verifier": self.verifier}
        return await self._call({**fields, "redirect_uri": self.redirect_uri})

    async def refresh(self, token: str) -> Reply:
        """A refresh token becomes an access token, or does not."""
        return await self._call({"grant_type": "refresh_token", "refresh_token": token})

    async def userinfo(self, token: str) -> Reply:
        """What a token opens."""
        async with http_sender(tls=self.stage.issuer.startswith("https:")) as line:
            return await line.send("GET", f"{self.stage.issuer}/userinfo", headers={"Authorization": f"Bearer {token}"})

    async def introspect(self, token: str) -> Reply:
        """Introspection response for a token."""
        return await self._call({"token": token}, "/introspect")

    async def ask(self, message: str, **hint: str) -> Reply:
        """Requests backchannel authentication of a citizen (CIBA Core 1.0, 7.1)."""
        return await self._call({"scope": "openid profile", "binding_message": message, **hint}, "/ciba")

    async def poll(self, auth_req_id: str) -> Reply:
        """Polls for the result (CIBA Core 1.0, 10.1)."""
        grant = "urn:openid:params:grant-type:ciba"
        return await self._call({"grant_type": grant, "auth_req_id": auth_req_id})

    async def _call(self, fields: Mapping[str, str], path: str = "/token") -> Reply:
        secret = (self.stage.folder / ".demo" / "secrets" / self.client_id).read_text().strip()
        known = {"client_id": self.client_id, "client_secret": secret}
        async with http_sender(tls=self.stage.issuer.startswith("https:")) as line:
            return await line.send("POST", f"{self.stage.issuer}{path}", {**fields, **known})
