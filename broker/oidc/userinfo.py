"""Claims of the userinfo response (OpenID Connect Core 5.3.2)."""

from broker.model.assurance import AcrLevels
from broker.model.grant import Grant, StoredToken
from broker.oidc.id_token import requested_claims
from broker.oidc.scopes import claims_of
from broker.oidc.token_request import scope_of


def userinfo_claims(token: StoredToken, grant: Grant, ladder: AcrLevels, now: float) -> dict[str, object]:
    """`sub`, and the released claims that scope and `claims` parameter requested (Core 5.3.2, 5.4, 5.5).

    The scope is that of the access token. Requests in the `claims` parameter do not depend on a scope.
    """
    release = grant.release
    by_scope = {name: release.claims[name] for name in claims_of(scope_of(token, grant)) if name in release.claims}
    requested = release.asked_claims.get("userinfo", {})
    about = {"acr": ladder.acr(release.level), "auth_time": release.auth_time}
    return {
        **{name: value for name, value in by_scope.items() if value not in (None, "")},
        **requested_claims(release, "userinfo", ladder, now),
        **{name: value for name, value in about.items() if name in requested},
        "sub": release.subject,
    }
