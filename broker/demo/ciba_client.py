"""CIBA client of the sample service: asks a known citizen to confirm on their own device (OpenID CIBA Core 1.0)."""

from dataclasses import dataclass
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

GRANT = "urn:openid:params:grant-type:ciba"


@dataclass(slots=True)
class DemoBackchannelRequest:
    """A backchannel authentication request and its state: `error` is "authorization_pending" until the citizen
    answers."""

    message: str
    auth_req_id: str
    error: str
    code: str = ""
    address: str = ""
    whose: str = ""


@dataclass(frozen=True, slots=True)
class CibaClient:
    """Sends and polls requests with the service's credentials."""

    issuer: str
    client_id: str
    client_secret: str

    def _client(self) -> Any:
        return AsyncOAuth2Client(self.client_id, self.client_secret)

    async def ask(self, subject: str, message: str) -> DemoBackchannelRequest:
        """Sends a request. The broker's response contains a code if it could not notify the citizen itself."""
        asked = {"scope": "openid", "login_hint": subject, "binding_message": message}
        async with self._client() as client:
            credentials = client.client_auth(client.token_endpoint_auth_method)
            answer = await client.request("POST", f"{self.issuer}/ciba", data=asked, auth=credentials)
        told = answer.json()
        if answer.status_code != 200:
            return DemoBackchannelRequest(message, "", told.get("error_description") or told["error"])
        code, address = told.get("user_code", ""), told.get("verification_uri", "")
        return DemoBackchannelRequest(message, told["auth_req_id"], "authorization_pending", code, address)

    async def look(self, question: DemoBackchannelRequest) -> None:
        """Polls the request while it is pending."""
        if question.error not in ("authorization_pending", "slow_down"):
            return
        async with self._client() as client:
            try:
                await client.fetch_token(f"{self.issuer}/token", grant_type=GRANT, auth_req_id=question.auth_req_id)
            except OAuthError as error:
                question.error = error.error
                return
            userinfo = await client.get(f"{self.issuer}/userinfo")
        question.error = ""
        question.whose = userinfo.json()["sub"]
