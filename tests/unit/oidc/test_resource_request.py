"""Access tokens at a protected resource."""

from dataclasses import replace

import pytest

from broker.crypto.jose import read_certificate
from broker.model.grant import Grant, StoredToken
from broker.oidc.dpop import DpopProof
from broker.oidc.errors import EndpointError, Scheme
from broker.oidc.resource_request import AccessTokenCredential, check_access, invalid_token, parse_access_token
from tests.support.certificates import Authority
from tests.unit.oidc.examples import NOW, grant

TOKEN = StoredToken("d", "access", NOW - 10, NOW + 10)
PROOF = DpopProof("jkt-1", "jkt-1.j", NOW + 60)
OTHER = DpopProof("jkt-2", "jkt-2.j", NOW + 60)
REBOUND = StoredToken("d", "access", NOW - 10, NOW + 10, "jkt-2")
CERTIFIED = StoredToken("d", "access", NOW - 10, NOW + 10, x5t="x5t-1")
BOUND = grant(dpop_jkt="jkt-1")
BEARER = AccessTokenCredential(Scheme.BEARER, "at")
DPOP = AccessTokenCredential(Scheme.DPOP, "at")


@pytest.mark.parametrize(
    ("header", "scheme"),
    [("Bearer at", Scheme.BEARER), ("bearer at", Scheme.BEARER), ("DPoP at", Scheme.DPOP), ("dpop  at", Scheme.DPOP)],
)
def test_a_token_is_read_from_the_header(header: str, scheme: Scheme) -> None:
    assert parse_access_token(header) == AccessTokenCredential(scheme, "at")


@pytest.mark.parametrize("handle", ["x", "x" * 512])
def test_the_shortest_and_the_longest_token_are_read(handle: str) -> None:
    assert parse_access_token(f"Bearer {handle}").handle == handle


def test_spaces_around_a_token_are_ignored_and_other_white_space_is_kept() -> None:
    assert parse_access_token("Bearer   at ").handle == "at"
    assert parse_access_token("Bearer \tat").handle == "\tat"


def test_a_refused_token_is_challenged_with_code_and_description() -> None:
    """RFC 6750 3: both are parameters of the challenge."""
    refused = invalid_token("it is unknown", Scheme.BEARER)
    assert (refused.code, refused.status, refused.detail) == ("invalid_token", 401, "it is unknown")
    expected = f'Bearer error="invalid_token", error_description="{refused.description}"'
    assert refused.challenge == expected
    assert refused.description


def test_without_a_token_one_is_asked_for_and_no_error_is_named() -> None:
    with pytest.raises(EndpointError) as error:
        parse_access_token(None)
    assert (error.value.code, error.value.status) == ("invalid_token", 401)
    assert error.value.challenge == 'DPoP algs="ES256 EdDSA Ed25519 PS256", Bearer'


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic abc", "at", "Bearer a b", "Bearer \u00e4", "Bearer " + "x" * 513, "BearerX at"],
)
def test_a_header_that_holds_no_token_is_refused(header: str) -> None:
    with pytest.raises(EndpointError) as error:
        parse_access_token(header)
    assert (error.value.code, error.value.status) == ("invalid_token", 401)


def test_userinfo_requires_the_scope_openid() -> None:
    """RFC 6750 3.1: a refresh may have requested less than that."""
    with pytest.raises(EndpointError) as error:
        check_access(BEARER, replace(TOKEN, scope="profile"), grant(), None, NOW)
    assert (error.value.code, error.value.status) == ("insufficient_scope", 403)
    described = f'error_description="{error.value.description}"'
    assert error.value.challenge == f'Bearer error="insufficient_scope", {described}'
    assert error.value.description


def test_a_valid_access_token_is_accepted() -> None:
    check_access(BEARER, TOKEN, grant(), None, NOW)
    check_access(DPOP, TOKEN, BOUND, PROOF, NOW)
    check_access(DPOP, REBOUND, BOUND, OTHER, NOW)


@pytest.mark.parametrize(
    ("presented", "token", "of", "proof", "said"),
    [
        (BEARER, StoredToken("d", "refresh", NOW, NOW + 10), grant(), None, "kind"),
        (BEARER, StoredToken("d", "access", NOW - 10, NOW), grant(), None, "expired"),
        (BEARER, TOKEN, grant(expires=NOW), None, "expired"),
        (BEARER, TOKEN, BOUND, None, "bearer"),
        (BEARER, TOKEN, BOUND, PROOF, "bearer"),
        (DPOP, TOKEN, grant(), PROOF, "bearer"),
        (DPOP, TOKEN, BOUND, None, "proof"),
        (DPOP, TOKEN, BOUND, OTHER, "proof"),
        (DPOP, REBOUND, BOUND, PROOF, "proof"),
        (BEARER, CERTIFIED, grant(), None, "certificate"),
        (DPOP, CERTIFIED, BOUND, PROOF, "certificate"),
    ],
)
def test_an_invalid_access_token_is_refused(
    presented: AccessTokenCredential, token: StoredToken, of: Grant, proof: DpopProof | None, said: str
) -> None:
    with pytest.raises(EndpointError, match=said) as error:
        check_access(presented, token, of, proof, NOW)
    assert (error.value.code, error.value.status) == ("invalid_token", 401)
    assert (error.value.challenge or "").startswith(("Bearer error=", "DPoP error="))


def test_a_token_bound_to_a_certificate_opens_with_that_one_alone(authority: Authority) -> None:
    own, other = (read_certificate(authority.client("CN=tax").der) for _ in range(2))
    token = StoredToken("d", "access", NOW - 10, NOW + 10, x5t=own.thumbprint)
    check_access(BEARER, token, grant(), None, NOW, own)
    check_access(BEARER, TOKEN, grant(), None, NOW, other)
    with pytest.raises(EndpointError, match="certificate") as error:
        check_access(BEARER, token, grant(), None, NOW, other)
    assert (error.value.code, error.value.status) == ("invalid_token", 401)
    assert (error.value.challenge or "").startswith("Bearer error=")


def test_a_presented_token_does_not_show_itself_in_a_log() -> None:
    assert "secret" not in repr(AccessTokenCredential(Scheme.BEARER, "secret"))
