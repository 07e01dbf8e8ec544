"""Authorization requests: which pass their checks, and to whom the errors of the others go."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto import jose
from broker.model.assurance import Level
from broker.model.request import AuthorizationRequest, ResponseMode
from broker.model.service import SecurityProfile
from broker.oidc.authorization_checks import CHECKS, RequestSource
from broker.oidc.authorization_request import authorization_request
from broker.oidc.errors import DisplayedError, EndpointError, RedirectedError, ResponseTarget
from tests.support.outcome import outcome
from tests.unit.oidc.examples import (
    CALLBACK,
    CHALLENGE,
    ISSUER,
    SENDER,
    SERVER,
    key,
    parameters,
    plain,
    pushed,
    refused,
    service,
)

FAPI2 = service(profile=SecurityProfile.FAPI2)


def test_a_good_request_becomes_a_record() -> None:
    assert plain() == AuthorizationRequest(
        client_id="tax",
        redirect_uri=CALLBACK,
        scope=("openid",),
        min_level=Level.LOW,
        state="s-1",
        nonce="n-1",
        code_challenge=CHALLENGE,
    )
    assert pushed() == plain()
    assert pushed(FAPI2) == plain()


def test_every_check_says_what_it_is_for() -> None:
    assert len(set(CHECKS)) == len(CHECKS)
    for check in CHECKS:
        assert check.__name__.startswith("check_")
        assert "(" in (check.__doc__ or "")


def test_only_the_response_modes_that_are_built_are_accepted() -> None:
    query_only = replace(SERVER, response_modes=(ResponseMode.QUERY,))
    assert authorization_request(parameters(), service(), RequestSource.PLAIN, query_only, SENDER) == plain()
    with pytest.raises(RedirectedError, match="response_mode") as error:
        authorization_request(parameters(response_mode="form_post"), service(), RequestSource.PLAIN, query_only, SENDER)
    assert error.value.target.response_mode is ResponseMode.QUERY


def test_unknown_parameters_are_ignored() -> None:
    assert plain(display="page", unknown="1", resource="https://x.example", client_secret="x") == plain()


# Never redirected
@pytest.mark.parametrize("client_id", [None, "other", "TAX", "tax "])
def test_a_request_that_names_another_service_is_never_redirected(client_id: str | None) -> None:
    with pytest.raises(DisplayedError, match="client_id"):
        plain(client_id=client_id)
    with pytest.raises(EndpointError, match="client_id"):
        pushed(client_id=client_id)


NEAR_MISSES = [
    None,
    "https://tax.example/callback/",
    "https://tax.example/callback?",
    "https://tax.example/callback?x=1",
    "https://tax.example/callback#",
    "https://tax.example/callback#x",
    "https://tax.example/Callback",
    "https://TAX.example/callback",
    "HTTPS://tax.example/callback",
    "http://tax.example/callback",
    "https://tax.example:443/callback",
    "https://tax.example./callback",
    "https://tax.example/call%62ack",
    "https://tax.example//callback",
    "https://tax.example/./callback",
    "https://tax.example/x/../callback",
    "https://tax.example\\callback",
    "https://tax.example@evil.example/callback",
    "https://user@tax.example/callback",
    "https://tax.example.evil.example/callback",
    "https://eviltax.example/callback",
    "https://tax.example/callback ",
    " https://tax.example/callback",
    "https://tax.example/callback\t",
    "https://tax.example/callback\n",
    "https://tax.example/call\u200bback",
    "https://t\u0430x.example/callback",
    "//tax.example/callback",
    "/callback",
    "javascript:alert(1)",
    "https://tax.example/other",
    "https://tax.example/other?lang=CY",
    "https://tax.example/other?lang=cy&x=1",
    "https://tax.example/other?x=1&lang=cy",
    "https://tax.example/other?lang=cy#",
    "https://tax.example/other?lang=c%79",
    "https://tax.example/other?lang=cy;x=1",
    "https://tax.example/callback;x",
    "https://tax.example/callback%2f",
    "https://tax.example/callback%00",
    "https://tax.example/callback%23",
    "https://tax.example/callback/..",
    "https://tax.example/callback/../callback",
    "https://tax.example/%2e/callback",
    "https://tax.example/callbac",
    "https://tax.example/callback.evil",
    "https://tax.example/",
    "https://tax.example",
    "https:/tax.example/callback",
    "https:tax.example/callback",
    "https:\\\\tax.example\\callback",
    "https:///tax.example/callback",
    "https://tax.example:8443/callback",
    "https://tax.example:/callback",
    "https://:@tax.example/callback",
    "https://tax.example#@evil.example/callback",
    "https://tax.example?@evil.example/callback",
    "https://evil.example/https://tax.example/callback",
    "https://evil.example/?https://tax.example/callback",
    "https://evil.example#https://tax.example/callback",
    "https://xn--tx-lia.example/callback",
    "https://tax\u3002example/callback",
    "https://tax.example/callback\u00a0",
    "https://tax.example/callback\r\nLocation: https://evil.example",
    "https://tax.example/callback,https://evil.example/",
    "https://tax.example/callback https://evil.example/",
    "https://localhost/callback",
    "https://127.0.0.1/callback",
    "http://127.0.0.1:8080/callback",
    "urn:ietf:wg:oauth:2.0:oob",
    "data:text/html,x",
    "tax.example://callback",
]


@pytest.mark.parametrize("redirect_uri", NEAR_MISSES)
def test_a_redirect_uri_that_is_nearly_right_never_gets_an_answer(redirect_uri: str | None) -> None:
    with pytest.raises(DisplayedError, match="redirect_uri"):
        plain(redirect_uri=redirect_uri, response_type="token")
    with pytest.raises(EndpointError, match="redirect_uri"):
        pushed(redirect_uri=redirect_uri)


@given(
    at=st.integers(0, len(CALLBACK)),
    put=st.sampled_from(["", "x", "/", ".", "%2f", "@", "#", "?", "\\", "\u0000", " "]),
    cut=st.booleans(),
)
def test_a_redirect_uri_changed_anywhere_never_gets_an_answer(at: int, put: str, *, cut: bool) -> None:
    changed = CALLBACK[:at] + put + CALLBACK[at + cut :]
    if changed == CALLBACK:
        assert plain(redirect_uri=changed).redirect_uri == CALLBACK
    else:
        with pytest.raises(DisplayedError):
            plain(redirect_uri=changed)


def test_a_registered_redirect_uri_may_have_a_query() -> None:
    assert plain(redirect_uri="https://tax.example/other?lang=cy").redirect_uri == "https://tax.example/other?lang=cy"


# errors that are redirected to the service
def test_an_error_goes_back_with_state_and_in_the_mode_that_was_asked_for() -> None:
    error = refused(scope="email", response_mode="form_post", state="xyz")
    assert error.target == ResponseTarget(CALLBACK, "xyz", ResponseMode.FORM_POST)
    assert refused(scope="email", state=None).target.state is None
    assert refused(scope="email", response_mode="fragment").target.response_mode is ResponseMode.QUERY


def test_a_service_that_wants_signed_answers_gets_nothing_else() -> None:
    signing = service(signed_response=True)
    error = refused(signing, response_mode="query")
    assert (error.code, error.target.response_mode) == ("invalid_request", ResponseMode.JWT)
    assert refused(signing, response_mode="form_post", scope="email").target.response_mode is ResponseMode.JWT
    assert plain(signing).response_mode is ResponseMode.JWT
    assert plain(signing, response_mode="form_post.jwt").response_mode is ResponseMode.FORM_POST_JWT


REFUSED: list[tuple[str, dict[str, str | None], str]] = [
    ("no response_type", {"response_type": None}, "invalid_request"),
    ("the implicit flow", {"response_type": "id_token"}, "unsupported_response_type"),
    ("a hybrid flow", {"response_type": "code id_token"}, "unsupported_response_type"),
    ("a token in the address", {"response_type": "token"}, "unsupported_response_type"),
    ("a fragment", {"response_mode": "fragment"}, "invalid_request"),
    ("a signed fragment", {"response_mode": "fragment.jwt"}, "invalid_request"),
    ("a request object", {"request": "e30.e30."}, "invalid_request_object"),
    ("a registration", {"registration": "{}"}, "registration_not_supported"),
    ("no scope", {"scope": None}, "invalid_scope"),
    ("a scope without openid", {"scope": "profile email"}, "invalid_scope"),
    ("openid in other letters", {"scope": "OpenID"}, "invalid_scope"),
    ("two spaces in the scope", {"scope": "openid  email"}, "invalid_scope"),
    ("a tab in the scope", {"scope": "openid\temail"}, "invalid_scope"),
    ("a quote in the scope", {"scope": 'openid "'}, "invalid_scope"),
    ("no challenge", {"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ("a method without a challenge", {"code_challenge": None}, "invalid_request"),
    ("a challenge without a method", {"code_challenge_method": None}, "invalid_request"),
    ("a plain challenge", {"code_challenge_method": "plain"}, "invalid_request"),
    ("a method in other letters", {"code_challenge_method": "s256"}, "invalid_request"),
    ("a short challenge", {"code_challenge": CHALLENGE[:42]}, "invalid_request"),
    ("a long challenge", {"code_challenge": CHALLENGE + "A"}, "invalid_request"),
    ("a padded challenge", {"code_challenge": CHALLENGE[:42] + "="}, "invalid_request"),
    ("a thumbprint that is none", {"dpop_jkt": "abc"}, "invalid_request"),
    ("none with another prompt", {"prompt": "none login"}, "invalid_request"),
    ("none with create", {"prompt": "none create"}, "invalid_request"),
    ("an unknown prompt", {"prompt": "register"}, "invalid_request"),
    ("a negative age", {"max_age": "-1"}, "invalid_request"),
    ("an age that is no number", {"max_age": "ten"}, "invalid_request"),
    ("an age with a fraction", {"max_age": "1.5"}, "invalid_request"),
    ("an age in other digits", {"max_age": "\u0661"}, "invalid_request"),
    ("an endless age", {"max_age": "9" * 11}, "invalid_request"),
    ("an endless state", {"state": "x" * 4097}, "invalid_request"),
    ("an endless nonce", {"nonce": "x" * 513}, "invalid_request"),
    ("an endless login hint", {"login_hint": "x" * 513}, "invalid_request"),
    ("a hint that is no token", {"id_token_hint": "abc"}, "invalid_request"),
    ("claims that are no JSON", {"claims": "{"}, "invalid_request"),
]


@pytest.mark.parametrize(("changes", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_an_invalid_authorization_request_gets_its_error(changes: dict[str, str | None], code: str) -> None:
    error = refused(**changes)
    assert error.code == code
    assert all(" " <= letter <= "~" and letter not in '"\\' for letter in error.description)
    assert not any(value and len(value) > 4 and value in error.description for value in changes.values())


def test_a_request_by_reference_to_a_foreign_address_is_refused() -> None:
    with pytest.raises(RedirectedError) as error:
        plain(request_uri="https://tax.example/request.jwt")
    assert error.value.code == "request_uri_not_supported"
    with pytest.raises(EndpointError) as raised:
        pushed(request_uri="urn:ietf:params:oauth:request_uri:abc")
    assert raised.value.code == "invalid_request"


def test_a_service_of_the_fapi2_profile_must_push() -> None:
    with pytest.raises(RedirectedError, match="push") as error:
        plain(FAPI2)
    assert error.value.code == "invalid_request"


def test_the_fapi2_profile_demands_a_challenge_whatever_the_file_says() -> None:
    with pytest.raises(EndpointError, match="code_challenge"):
        pushed(
            service(profile=SecurityProfile.FAPI2, pkce_required=False), code_challenge=None, code_challenge_method=None
        )


def test_an_older_service_may_come_without_challenge_and_nonce() -> None:
    older = service(pkce_required=False)
    found = plain(older, code_challenge=None, code_challenge_method=None, nonce=None)
    assert (found.code_challenge, found.nonce) == (None, None)
    assert refused(older, code_challenge_method=None).code == "invalid_request"


def test_a_nonce_of_usual_length_and_more_is_taken() -> None:
    """FAPI 2.0 Security Profile 5.3.2.2: up to 64 characters must be."""
    for length in (1, 64, 512):
        assert plain(nonce="n" * length).nonce == "n" * length


def test_a_service_held_to_a_nonce_must_send_one() -> None:
    strict = service(nonce_required=True)
    assert plain(strict).nonce == "n-1"
    assert "nonce" in refused(strict, nonce=None).description


# Requested claims and hints
def test_prompt_and_age_are_read() -> None:
    found = plain(prompt="login consent login", max_age="0")
    assert (found.prompt, found.max_age, found.fresh) == (("login", "consent"), 0, True)
    assert plain(prompt="none").prompt == ("none",)
    assert plain().max_age is None


def test_unusable_optional_parameters_are_ignored() -> None:
    found = plain(ui_locales="cy en-GB x\u00e9 1 <script>", login_hint="mair", provider_hint="post")
    assert (found.ui_locales, found.login_hint, found.provider_hint) == (("cy", "en-GB"), "mair", None)


@pytest.mark.parametrize(
    ("hint", "kept"),
    [
        ("post-id", "post-id"),
        ("../x", None),
        ("Post", None),
        ("x" * 65, None),
        ("bank  post-id", "bank post-id"),
        ("bank ../x post", "bank post"),
        (" ".join("abcdefghij"), "a b c d e f g h"),
    ],
)
def test_a_provider_hint_is_for_services_that_may_give_one(hint: str, kept: str | None) -> None:
    assert plain(service(provider_hint=True), provider_hint=hint).provider_hint == kept


def test_the_thumbprint_that_binds_the_code_is_kept() -> None:
    assert plain(dpop_jkt=CHALLENGE).dpop_jkt == CHALLENGE


def hint(signing: jose.SigningKey | None = None, typ: str | None = None, **changes: Any) -> str:
    claims = {"iss": ISSUER, "aud": "tax", "sub": "pairwise-1", "exp": 1, "iat": 0} | changes
    return jose.sign(claims, signing or key(), typ)


def test_a_hint_of_ours_names_the_expected_person_however_old_it_is() -> None:
    assert plain(id_token_hint=hint()).expected_sub == "pairwise-1"
    assert plain(id_token_hint=hint(typ="JWT")).expected_sub == "pairwise-1"
    assert plain().expected_sub is None


@pytest.mark.parametrize(
    "token",
    [
        hint(key(owner="stranger")),
        hint(iss="https://other.example"),
        hint(aud="other"),
        hint(aud=["tax", "other"]),
        hint(typ="logout+jwt"),
        hint(typ="at+jwt"),
        hint(sub=1),
        jose.sign({"iss": ISSUER, "aud": "tax", "exp": 1, "code": "c"}, key()),
        jose.sign({"iss": ISSUER, "aud": "tax", "sub": "pairwise-1", "name": "Mair"}, key()),
        hint()[:-8] + "AAAAAAAA",
        "x" * 20_000,
    ],
)
def test_a_hint_that_is_not_ours_or_not_for_this_service_is_refused(token: str) -> None:
    assert refused(id_token_hint=token).code == "invalid_request"


def test_a_demanded_sub_names_the_expected_person() -> None:
    wanted = json.dumps({"id_token": {"sub": {"value": "pairwise-1"}}})
    other = json.dumps({"userinfo": {"sub": {"value": "pairwise-2"}}})
    assert plain(claims=wanted).expected_sub == "pairwise-1"
    assert plain(claims=wanted, id_token_hint=hint()).expected_sub == "pairwise-1"
    assert "different people" in refused(claims=other, id_token_hint=hint()).description


@given(
    st.dictionaries(st.sampled_from([*parameters(), "prompt", "max_age", "claims", "acr_values"]), st.text(max_size=40))
)
def test_any_request_is_accepted_or_gets_a_registered_error(changes: dict[str, str]) -> None:
    found = outcome(lambda: outcome(lambda: plain(**changes), DisplayedError), RedirectedError)
    if isinstance(found, DisplayedError):
        assert found.code == "invalid_request"
    elif isinstance(found, RedirectedError):
        assert found.target.redirect_uri == CALLBACK
        assert found.code in ("invalid_request", "invalid_scope", "unsupported_response_type")
    else:
        assert found.redirect_uri in service().redirect_uris
        assert "openid" in found.scope
