"""Production: what is allowed in development only, several workers, TLS to Redis."""

from pathlib import Path
from typing import Any

import pytest

from broker.settings import load
from providers import KINDS
from tests.support.configuration import Configuration


def test_production_is_what_runs_unless_the_file_says_otherwise(production: Configuration) -> None:
    broker = production.settings().broker
    assert not broker.development
    assert (broker.tokens.code, broker.tokens.request_uri, broker.tokens.access, broker.tokens.id_token) == (
        60,
        300,
        600,
        300,
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("issuer", "http://sign-in.agency.example"),
        ("issuer", "https://localhost"),
        ("console", "http://console.agency.example"),
        ("services.0.redirect_uris.0", "http://localhost/callback"),
        ("services.0.redirect_uris.0", "https://127.0.0.1/callback"),
        ("services.0.redirect_uris.0", "https://[::1]:8002/callback"),
        ("services.0.redirect_uris.0", "https://[::ffff:127.0.0.1]/callback"),
        ("services.0.redirect_uris.0", "https://127.1/callback"),
        ("services.0.redirect_uris.0", "https://0.0.0.0/callback"),
        ("services.0.redirect_uris.0", "https://LOCALHOST./callback"),
        ("services.0.home", "http://tax.example/"),
        ("providers.0.openid.issuer", "http://id.bank.example"),
        ("providers.0.openid.issuer", "https://localhost:8003/northbank"),
        ("providers.0.openid.issuer", "https://simulator.localhost/northbank"),
        ("notifications", {"outbox": "outbox"}),
        ("inspector", True),
        ("refuse_ignored_values", True),
    ],
)
def test_what_is_for_development_alone_is_refused_in_production(
    production: Configuration, path: str, value: Any
) -> None:
    production.change("broker.toml", path, value)
    place = path.replace(".0", "[0]").replace("notifications", "notifications.outbox")
    assert {problem.path for problem in production.problems()} == {f"broker.toml: {place}"}
    production.change("broker.toml", "environment", "development")
    assert not isinstance(production.load(), list)


def test_services_register_in_development_and_into_a_folder(production: Configuration, tmp_path: Path) -> None:
    production.change("broker.toml", "dynamic_registration", value=True)
    assert [problem.what for problem in production.problems()] == ["it permits registration without authentication"]
    production.change("broker.toml", "environment", "development")
    assert production.settings().broker.dynamic_registration
    alone = load(tmp_path / "broker.toml", KINDS)
    assert isinstance(alone, list)
    assert [str(problem).partition("\n")[0] for problem in alone] == [
        "broker.toml: dynamic_registration: dynamic registration needs a folder of files"
    ]


@pytest.mark.parametrize(
    ("section", "url", "what"),
    [
        ("database", "sqlite:facts.db", "SQLite supports one worker"),
        ("ephemeral", "memory:", "workers cannot share memory"),
    ],
)
def test_stores_of_one_process_take_one_worker(production: Configuration, section: str, url: str, what: str) -> None:
    production.change("broker.toml", "metrics", {"folder": "metrics"})
    production.change("broker.toml", "listen", {"workers": 2})
    assert production.settings()
    production.change("broker.toml", f"{section}.url", url)
    assert [problem.what for problem in production.problems()] == [what]
    production.change("broker.toml", "listen", {"workers": 1})
    assert production.settings()


@pytest.mark.parametrize("uri", ["https://sign-in.agency.example/x", "https://console.agency.example:8443/x"])
def test_no_answer_goes_to_the_brokers_own_hosts(production: Configuration, uri: str) -> None:
    production.change("broker.toml", "services.0.redirect_uris", [uri])
    assert [problem.what for problem in production.problems()] == ["this is an address of the broker itself"]


def test_production_requires_a_contact_for_each_service(production: Configuration) -> None:
    production.change("broker.toml", "services.0.contact", " ")
    assert [problem.path for problem in production.problems()] == ["broker.toml: services[0].contact"]


@pytest.mark.parametrize("host", ["localhost.agency.example", "127.agency.example", "[2001:db8::1]", "192.0.2.1"])
def test_other_hosts_are_fine_in_production(production: Configuration, host: str) -> None:
    production.change("broker.toml", "services.0.redirect_uris.0", f"https://{host}/callback")
    assert production.settings().services["tax"].redirect_uris == (f"https://{host}/callback",)


def test_several_workers_need_a_folder_for_their_counters(production: Configuration) -> None:
    production.change("broker.toml", "listen", {"workers": 2})
    assert [problem.path for problem in production.problems()] == ["broker.toml: metrics.folder"]


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"url": "redis://cache.example/0"}, "ephemeral.url"),
        ({"url": "redis://portico@10.0.0.7:6379/0"}, "ephemeral.url"),
        ({"url": "redis://cache.example/0", "tls": True}, "ephemeral.tls"),
        ({"url": "rediss://cache.example/0", "tls": False}, "ephemeral.tls"),
        ({"url": "redis://cache.example/0", "tls": False}, None),
        ({"url": "rediss://cache.example/0"}, None),
        ({"url": "rediss://cache.example/0", "tls": True}, None),
        ({"url": "redis://127.0.0.1:6379/0"}, None),
        ({"url": "redis://[::1]:6379/0"}, None),
        ({"url": "redis://localhost/0"}, None),
        ({"url": "redis+sentinel://localhost/service"}, "ephemeral.url"),
        ({"url": "redis+sentinel://localhost/service", "tls": False}, None),
        ({"url": "rediss+sentinel://one,two/service"}, None),
        ({"url": "rediss+cluster://one,two"}, None),
        ({"url": "redis+cluster://localhost"}, "ephemeral.url"),
        ({"url": "redis://one,two/0"}, "ephemeral.url"),
        ({"url": "redis+cluster://one/3", "tls": False}, "ephemeral.url"),
        ({"url": "rediss+cluster://ann:secret@one,two"}, "ephemeral.url"),
        ({"url": "rediss+cluster://one", "sentinel_user": "ann"}, "ephemeral.sentinel_user"),
        ({"url": "rediss+sentinel://one/service", "sentinel_user": "ann"}, "ephemeral.sentinel_user"),
        ({"url": "rediss://one", "sentinel_password_file": "broker.toml"}, "ephemeral.sentinel_password_file"),
        ({"url": "rediss+sentinel://one/s", "sentinel_password_file": "none"}, "ephemeral.sentinel_password_file"),
    ],
)
def test_a_plain_connection_to_redis_on_another_host_must_be_said(
    production: Configuration, settings: dict[str, Any], path: str | None
) -> None:
    production.change("broker.toml", "ephemeral", settings)
    if path is None:
        assert production.settings().broker.ephemeral.url == settings["url"]
    else:
        assert [problem.path for problem in production.problems()] == [f"broker.toml: {path}"]
