"""Scope and claims of an authorization request, limited to what the service may have."""

import json
from typing import Any

import pytest

from tests.unit.oidc.examples import data, plain, service


# Scope and data
@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        ("openid", ("openid",)),
        ("openid openid", ("openid",)),
        ("profile openid", ("profile", "openid")),
        ("openid profile email phone address", ("openid", "profile", "email")),
        ("openid unknown https://x.example/y", ("openid",)),
        ("openid offline_access", ("openid", "offline_access")),
    ],
)
def test_of_the_scope_what_the_service_may_have_is_kept(scope: str, granted: tuple[str, ...]) -> None:
    assert plain(scope=scope).scope == granted


def test_offline_access_is_ignored_for_a_service_that_may_not_refresh() -> None:
    assert plain(service(refresh=False), scope="openid offline_access").scope == ("openid",)


@pytest.mark.parametrize(
    ("scope", "claims", "asked"),
    [
        ("openid", None, ()),
        ("openid email", None, ("email", "email_verified")),
        ("openid profile", None, ("given_name", "family_name", "birthdate")),
        ("openid", {"id_token": {"birthdate": None}}, ("birthdate",)),
        ("openid email", {"userinfo": {"given_name": {"essential": True}}}, ("given_name", "email", "email_verified")),
        ("openid", {"userinfo": {"phone_number": None, "salary": None}}, ()),
        ("openid", {"userinfo": {"given_name#cy": None}}, ("given_name",)),
        ("openid", {"id_token": {"acr": None, "sub": None, "auth_time": None}}, ()),
        (
            "openid",
            {
                "userinfo": {
                    "verified_claims": {"verification": {"trust_framework": None}, "claims": {"birthdate": None}}
                }
            },
            ("birthdate",),
        ),
    ],
)
def test_requested_scopes_are_reduced_to_registered_ones(
    scope: str, claims: dict[str, Any] | None, asked: tuple[str, ...]
) -> None:
    assert plain(scope=scope, claims=None if claims is None else json.dumps(claims)).requested_claims == asked


def test_a_service_is_never_given_what_its_file_does_not_name() -> None:
    poor = service(claims=data("email"))
    wanted = json.dumps({"userinfo": {"given_name": {"essential": True}, "email": None}})
    found = plain(poor, scope="openid profile email", claims=wanted)
    assert found.requested_claims == ("email",)
    assert found.claims == {"userinfo": {"email": None}}
