"""Redirect URIs of a service."""

import pytest

from broker.model.service import ClientAuthentication
from tests.unit.oidc.examples import service

URIS = ("http://127.0.0.1/a", "http://[::1]:8000/a?b=c", "example.app:/a", "https://app.example/a")
APP = service(authentication=ClientAuthentication.NONE, redirect_uris=URIS)


@pytest.mark.parametrize(
    ("uri", "known"),
    [
        ("http://127.0.0.1/a", True),
        ("http://127.0.0.1:49152/a", True),
        ("http://127.0.0.1:65535/a", True),
        ("http://[::1]/a?b=c", True),
        ("http://[::1]:1/a?b=c", True),
        ("example.app:/a", True),
        ("https://app.example/a", True),
        ("http://127.0.0.1:65536/a", False),
        ("http://127.0.0.1:0/a", False),
        ("http://127.0.0.1:/a", False),
        ("http://127.0.0.1:80:80/a", False),
        ("http://127.0.0.1:80@evil.example/a", False),
        ("http://127.0.0.1:80", False),
        ("http://127.0.0.1:80/A", False),
        ("http://127.0.0.1:80/a/", False),
        ("http://127.0.0.1:80/a?b=c", False),
        ("http://127.0.0.1:80/a#b", False),
        ("http://[::1]:80/a", False),
        ("http://localhost:80/a", False),
        ("https://127.0.0.1:80/a", False),
        ("HTTP://127.0.0.1:80/a", False),
        ("https://app.example:444/a", False),
        ("example.app:/b", False),
        ("", False),
    ],
)
def test_the_port_on_the_own_device_is_the_app_s_to_choose_and_nothing_else_is(uri: str, *, known: bool) -> None:
    assert APP.redirects_to(uri) is known


def test_for_a_service_that_is_no_app_the_port_counts() -> None:
    assert service(redirect_uris=URIS).redirects_to(URIS[0])
    assert not service(redirect_uris=URIS).redirects_to("http://127.0.0.1:1/a")
