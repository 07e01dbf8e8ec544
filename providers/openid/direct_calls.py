"""Direct calls to the provider: with the broker's client authentication, or with an access token.

`BearerCalls` sends bearer tokens (RFC 6750). `providers.openid.dpop.DpopCalls` proves possession of a key too.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from broker.model.json_types import JsonObject
from broker.platform.http_client import HttpClient, HttpFailure, HttpResponse
from providers.openid.client_authentication import Credentials
from providers.openid.metadata import Metadata


class DirectCalls(Protocol):
    """The calls of one provider. `note` is the state of an attempt, which holds the key of its proofs."""

    @property
    def token_type(self) -> str:
        """The type of access tokens that the provider has to issue, in lower case."""
        ...

    def prepare(self) -> JsonObject:
        """What a new attempt stores for its calls."""
        ...

    def key_parameters(self, note: JsonObject) -> Mapping[str, str]:
        """The parameters of the authorization request that name the key of the attempt."""
        ...

    async def post(
        self, metadata: Metadata, endpoint: str, form: Mapping[str, str], note: JsonObject
    ) -> HttpResponse | HttpFailure:
        """Sends a form with the broker's client authentication."""
        ...

    async def get(self, endpoint: str, access_token: str, note: JsonObject) -> HttpResponse | HttpFailure:
        """Fetches a protected resource."""
        ...

    async def get_by_post(self, endpoint: str, access_token: str, note: JsonObject) -> HttpResponse | HttpFailure:
        """Fetches a protected resource with an empty form."""
        ...


class BearerCalls:
    """Calls with bearer tokens."""

    token_type: Final = "bearer"

    def __init__(self, client: HttpClient, credentials: Credentials) -> None:
        """`client` is the connection pool to the provider."""
        self._client = client
        self._credentials = credentials

    def prepare(self) -> JsonObject:
        """Nothing."""
        return {}

    def key_parameters(self, _note: JsonObject) -> Mapping[str, str]:
        """None."""
        return {}

    async def post(
        self, metadata: Metadata, endpoint: str, form: Mapping[str, str], _note: JsonObject
    ) -> HttpResponse | HttpFailure:
        """Sends the form once."""
        fields, headers = self._credentials(endpoint, metadata.token_endpoint)
        return await self._client.post(endpoint, {**form, **fields}, headers)

    async def get(self, endpoint: str, access_token: str, _note: JsonObject) -> HttpResponse | HttpFailure:
        """Sends the request once."""
        return await self._client.get(endpoint, {"Authorization": f"Bearer {access_token}"})

    async def get_by_post(self, endpoint: str, access_token: str, _note: JsonObject) -> HttpResponse | HttpFailure:
        """Sends the request once."""
        return await self._client.post(endpoint, {}, {"Authorization": f"Bearer {access_token}"})
