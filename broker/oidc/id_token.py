"""Claims of the ID token (OpenID Connect Core 2, 3.1.3.3)."""

from collections.abc import Mapping

from broker.model.assurance import AcrLevels
from broker.model.grant import Grant, ReleasedIdentity
from broker.oidc.acr import answered_acr
from broker.oidc.claim_request import accepts
from broker.oidc.claims_parameter import PROTOCOL_CLAIMS
from broker.oidc.session_management import session_id
from broker.oidc.verified_claims import verified_claims
from broker.oidc.verified_claims_request import verified_requests


def id_token_claims(grant: Grant, issuer: str, ladder: AcrLevels, now: float, lifetime: int) -> dict[str, object]:
    """Claims of an ID token of a grant. `acr` answers the request (Core 5.5.1.1).

    `auth_time` is included only if the service requested it or `max_age` (Core 2): with a resolution of one second, it
    would let two services recognise the same session. `sid` differs for each service.

    Personal claims are included only if the `claims` parameter requested them in the ID token; claims of the scope are
    returned by the userinfo endpoint (OpenID Connect Core 5.4). There is no `at_hash`, which is optional in the code
    flow.
    """
    release = grant.release
    token = {
        "iss": issuer,
        "sub": release.subject,
        "aud": grant.client_id,
        "exp": int(now) + lifetime,
        "iat": int(now),
        "auth_time": release.auth_time if release.auth_time_asked else None,
        "acr": answered_acr(release.level, release.asked_claims, ladder),
        "amr": list(release.amr),
        "nonce": grant.nonce,
        "sid": None if release.session is None else session_id(release.session, grant.client_id),
    }
    return {
        **requested_claims(release, "id_token", ladder, now),
        **{name: value for name, value in token.items() if value not in (None, [])},
    }


def requested_claims(release: ReleasedIdentity, place: str, ladder: AcrLevels, now: float) -> dict[str, object]:
    """Released claims that the `claims` parameter requested in `id_token` or `userinfo` (Core 5.5).

    A claim whose value does not match the requested one is omitted.
    """
    requests = release.asked_claims.get(place, {})
    given = {
        name: release.claims[name]
        for name, request in requests.items()
        if name not in PROTOCOL_CLAIMS
        and name != "verified_claims"
        and release.claims.get(name) not in (None, "")
        and accepts(request if isinstance(request, Mapping) else None, release.claims[name])
    }
    verified = verified_claims(release.verification, release.claims, verified_requests(requests), ladder, now)
    return given if verified is None else {**given, "verified_claims": verified}
