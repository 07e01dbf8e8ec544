"""Documents of one simulated issuer: metadata, keys, style sheet; and the switch of its outage."""

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, RedirectResponse, Response

from broker.crypto.jose import SIGNATURE_ALGORITHMS
from providers.simulator.pages import message_page
from providers.simulator.responses import page
from providers.simulator.settings import SimulatorSettings
from providers.simulator.state import SimulatedIssuer


class IssuerDocuments:
    """What an issuer publishes."""

    def __init__(self, simulated: SimulatedIssuer, settings: SimulatorSettings, style: str) -> None:
        """`style` is the style sheet of all issuers, to which this issuer's colour is added."""
        self._simulated = simulated
        self._settings = settings
        self._style = f":root {{ --tint: {simulated.issuer.tint}; }}\n{style}"

    async def metadata(self, _request: HttpRequest) -> Response:
        """OpenID Connect Discovery 1.0 4."""
        url, issuer = self._simulated.url, self._simulated.issuer
        return JSONResponse(
            {
                "issuer": url,
                "authorization_endpoint": f"{url}/authorize",
                "token_endpoint": f"{url}/token",
                "userinfo_endpoint": f"{url}/userinfo",
                "end_session_endpoint": f"{url}/logout",
                "revocation_endpoint": f"{url}/revoke",
                "jwks_uri": f"{url}/jwks",
                "scopes_supported": ["openid", "profile", "email", "phone", "address", "offline_access"],
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "subject_types_supported": ["public"],
                "acr_values_supported": list(issuer.levels),
                "id_token_signing_alg_values_supported": [issuer.algorithm],
                "token_endpoint_auth_methods_supported": [
                    "private_key_jwt",
                    "client_secret_basic",
                    "client_secret_post",
                ],
                "token_endpoint_auth_signing_alg_values_supported": list(SIGNATURE_ALGORITHMS),
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": issuer.announces_issuer,
            }
        )

    async def jwks(self, _request: HttpRequest) -> Response:
        """The issuer's public keys."""
        return JSONResponse(self._simulated.memory.jwks)

    async def style(self, _request: HttpRequest) -> Response:
        """The style sheet in the issuer's colour."""
        return Response(self._style, media_type="text/css")

    async def order(self, _request: HttpRequest) -> Response:
        """Toggles the outage of the issuer."""
        self._simulated.memory.out_of_order = not self._simulated.memory.out_of_order
        return RedirectResponse(f"{self._settings.base}/", 303)

    async def out_of_order(self, _request: HttpRequest) -> Response:
        """The response of every endpoint during the outage."""
        text = message_page(self._simulated, "Out of order", "Try again later.")
        return page(text, status=503)
