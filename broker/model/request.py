"""Authorization request that passed every check."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from broker.model.account import Errand
from broker.model.assurance import Level
from broker.model.backchannel_request import BackchannelRequestRef
from broker.model.claims import ClaimRequests


class ResponseMode(StrEnum):
    """Response modes: in the query or in a form, as plain parameters or as a signed JWT.

    (OAuth 2.0 Multiple Response Type Encoding Practices, OAuth 2.0 Form Post Response Mode, JARM 2.3.) `jwt` is the
    short name of `query.jwt`, since codes are the only response type.
    """

    QUERY = "query"
    FORM_POST = "form_post"
    JWT = "jwt"
    QUERY_JWT = "query.jwt"
    FORM_POST_JWT = "form_post.jwt"

    @property
    def signed(self) -> bool:
        """Whether the response is one signed JWT in the parameter `response` (JARM 2.3)."""
        return self in (ResponseMode.JWT, ResponseMode.QUERY_JWT, ResponseMode.FORM_POST_JWT)

    @property
    def posted(self) -> bool:
        """Whether the browser posts the response in a form."""
        return self in (ResponseMode.FORM_POST, ResponseMode.FORM_POST_JWT)


@dataclass(frozen=True, slots=True)
class ClientRedirect:
    """Redirect of the browser to a service. `fields` is None for a GET of `url`; otherwise they are posted."""

    url: str
    fields: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """Authorization request of a service, after the checks of its profile (OpenID Connect Core 3.1.2.1).

    `min_level` is the lowest level that may be answered (OpenID Connect Core 5.5.1.1). `claims` is the checked `claims`
    parameter, with the members `id_token` and `userinfo`; `requested_claims` names every claim that scope and `claims`
    request together and that the service may have. `par_digest` is the digest of the pushed request's handle (RFC
    9126), `dpop_jkt` the key thumbprint that binds the code (RFC 9449 10), `expected_sub` the `sub` of a verified
    `id_token_hint` or of the `claims` parameter. `question` is set if the answer goes to a backchannel request instead
    of a redirect URI, and `errand` if it opens or changes the citizen's account; the redirect URI is empty then.
    `resume_value` is the service's own, for a citizen who finishes in another browser (`portico_resume`).
    """

    client_id: str
    redirect_uri: str
    scope: tuple[str, ...]
    min_level: Level
    state: str | None = None
    nonce: str | None = None
    response_mode: ResponseMode = ResponseMode.QUERY
    code_challenge: str | None = None
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    claims: ClaimRequests = field(default_factory=dict)
    requested_claims: tuple[str, ...] = ()
    ui_locales: tuple[str, ...] = ()
    login_hint: str | None = None
    provider_hint: str | None = None
    dpop_jkt: str | None = None
    expected_sub: str | None = None
    par_digest: str | None = None
    question: BackchannelRequestRef | None = None
    errand: Errand | None = None
    resume_value: str | None = None

    @property
    def to_client(self) -> bool:
        """Whether the answer goes to a service through the browser."""
        return self.question is None and self.errand is None

    @property
    def fresh(self) -> bool:
        """Whether the citizen must sign in again (`prompt=login`, OpenID Connect Core 3.1.2.1)."""
        return "login" in self.prompt
