"""Settings are read again from real files: taken whole, or not at all."""

import hashlib
import logging
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.model.assurance import Level
from broker.platform.http_client import HttpClients
from broker.platform.system import System
from broker.provider import Provider
from broker.wiring.admin import SettingsReader
from broker.wiring.provider_builds import ProviderBuilds
from broker.wiring.registry import Registry
from broker.wiring.settings_reload import SettingsReloader
from providers import KINDS, ProviderDependencies
from providers.health_monitor import HealthMonitor
from providers.monitored_provider import MonitoredProvider
from tests.support.configuration import Configuration, as_toml, prepared
from tests.support.system import FakeClock

DEMO = "services/demo-service.toml"
BANK = "providers/northbank.toml"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples with their keys, made once."""
    folder = tmp_path_factory.mktemp("made")
    prepared(folder)
    return folder


@pytest.fixture
def config(made: Path, tmp_path: Path) -> Configuration:
    """A copy that a test may change."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return Configuration(tmp_path / "config")


class Hosts:
    """The shared counter of reload requests, and the count that this process has applied."""

    def __init__(self) -> None:
        self.asked = 0
        self.taken: int | None = None

    async def reloads(self) -> int:
        """Number of requested reloads."""
        return self.asked

    def configuration(self, version: int) -> None:
        """Records the count that was applied."""
        self.taken = version


@pytest.fixture
def hosts() -> Hosts:
    return Hosts()


@pytest.fixture
async def outgoing() -> AsyncIterator[HttpClients]:
    """The connections of the process."""
    clients = HttpClients(development=True)
    yield clients
    await clients.close()


@pytest.fixture
def registry(config: Configuration, outgoing: HttpClients, system: System) -> Registry:
    """What was taken at the start."""
    settings = config.settings()
    builds = ProviderBuilds(ProviderDependencies(outgoing, system))
    registry = Registry(HealthMonitor(system), builds, outgoing, system)
    registry.replace_all(settings, registry.prepare(settings))
    return registry


@pytest.fixture
def reloading(config: Configuration, registry: Registry, hosts: Hosts) -> SettingsReloader:
    return SettingsReloader(config.settings(), registry, SettingsReader(config.folder), hosts, hosts)


def new_service(config: Configuration, name: str) -> None:
    """One more file, like the first service's, with another secret."""
    table = config.table(DEMO)
    del table["secret_file"]
    digest = hashlib.sha256(name.encode()).hexdigest()
    config.write(f"services/{name}.toml", table | {"secret_digest": digest})


async def test_services_come_change_and_go(
    config: Configuration, registry: Registry, reloading: SettingsReloader
) -> None:
    held = registry.services
    new_service(config, "library")
    (config.folder / "services/land-register.toml").unlink()
    config.change(DEMO, "names.en", "Aberlan City")
    assert list(held) == ["demo-service", "land-register", "post-office", "travel-office"]
    await reloading()
    assert list(held) == ["demo-service", "library", "post-office", "travel-office"]
    assert held["demo-service"].name("en") == "Aberlan City"
    assert "land-register" not in held
    assert await registry.keys("land-register", "") == await registry.keys("nobody", "")


async def test_references_to_the_old_configuration_stay_unchanged(
    config: Configuration, registry: Registry, reloading: SettingsReloader
) -> None:
    before = registry.services.items()
    new_service(config, "library")
    await reloading()
    assert len(before) == 4
    assert len(registry.services) == 5


async def test_a_changed_policy_builds_no_provider_again(
    config: Configuration, registry: Registry, reloading: SettingsReloader
) -> None:
    before = built(registry, "northbank")
    config.change(BANK, "policy.enabled", value=False)
    await reloading()
    assert not registry.providers["northbank"].policy.enabled
    assert built(registry, "northbank") is before


def built(registry: Registry, provider: str) -> Provider:
    """The provider without the watch over it."""
    watched = registry.providers[provider].provider
    assert isinstance(watched, MonitoredProvider)
    return watched.inner


async def test_providers_come_change_and_go(
    config: Configuration,
    registry: Registry,
    reloading: SettingsReloader,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = {name: built(registry, name) for name in registry.providers}
    started = clock.now()
    clock.advance(1)
    add_provider(config, "eid2")
    config.change(BANK, "minutes", 9)
    (config.folder / "providers/harbour.toml").unlink()
    with caplog.at_level(logging.INFO, "portico.app"):
        await reloading()
    assert "harbour" not in registry.providers
    assert registry.removed("harbour", started)
    assert not registry.removed("harbour", clock.now())
    assert not registry.removed("northbank", started)
    assert registry.providers["eid2"].callback.endswith("/callback/eid2")
    assert built(registry, "northbank") is not before["northbank"]
    assert registry.providers["northbank"].provider.card.minutes == 9
    [applied] = [vars(record) for record in caplog.records if record.message == "configuration_applied"]
    assert (applied["providers_added"], applied["providers_changed"], applied["providers_removed"]) == (
        ("eid2",),
        ("northbank",),
        ("harbour",),
    )


def add_provider(config: Configuration, name: str) -> None:
    """One more provider, like the one with a secret, with another secret."""
    config.write(f"providers/{name}.toml", config.table("providers/harbour.toml") | {"id": name})
    secret = config.folder.parent / ".demo/secrets" / name
    secret.write_text("another secret of the provider")
    config.change(f"providers/{name}.toml", "openid.secret_file", f"../../.demo/secrets/{name}")


async def test_a_secret_that_changes_in_its_file_builds_the_provider_again_with_new_connections(
    config: Configuration, registry: Registry, reloading: SettingsReloader, outgoing: HttpClients
) -> None:
    before, pool = built(registry, "harbour"), outgoing.clients["provider:harbour"]
    (config.folder.parent / ".demo/secrets/harbour").write_text("the secret was changed at the provider")
    await reloading()
    assert built(registry, "harbour") is not before
    assert outgoing.clients["provider:harbour"] is not pool


async def test_a_provider_that_cannot_be_built_refuses_the_reload_and_leaves_every_connection(
    config: Configuration,
    registry: Registry,
    reloading: SettingsReloader,
    outgoing: HttpClients,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pools, before = dict(outgoing.clients), built(registry, "harbour")

    def unusable(*_: object) -> Provider:
        raise ValueError("no usable key")

    config.change("providers/harbour.toml", "minutes", 9)
    monkeypatch.setitem(KINDS, "openid", replace(KINDS["openid"], build=unusable))
    await reloading()
    assert caplog.records[-1].message == "configuration_refused"
    assert built(registry, "harbour") is before
    assert dict(outgoing.clients) == pools


async def test_staff_and_their_provider_are_taken(
    config: Configuration, registry: Registry, reloading: SettingsReloader
) -> None:
    before = registry.staff
    config.change("staff.toml", "level", "low")
    config.change("staff.toml", "provider.minutes", 9)
    await reloading()
    assert before is not None
    assert registry.staff is not None
    assert registry.staff.policy.level is Level.LOW
    assert registry.staff.provider is not before.provider


async def test_one_problem_refuses_the_reload_and_is_logged_with_place_and_fix(
    config: Configuration,
    registry: Registry,
    reloading: SettingsReloader,
    hosts: Hosts,
    caplog: pytest.LogCaptureFixture,
) -> None:
    new_service(config, "library")
    config.change(BANK, "policy.enabled", value=False)
    config.change(DEMO, "redirect_uris", ["https://*.example/"])
    (config.folder / "services/travel-office.toml").write_text("names = {")
    await reloading()
    assert list(registry.services) == ["demo-service", "land-register", "post-office", "travel-office"]
    assert registry.providers["northbank"].policy.enabled
    assert hosts.taken is None
    entries = [vars(record) for record in caplog.records if record.message == "setting_invalid"]
    assert {one["place"].partition(":")[0] for one in entries} == {DEMO, "services/travel-office.toml"}
    assert all(one["fix"] for one in entries)
    assert caplog.records[-1].message == "configuration_refused"


async def test_a_service_whose_tokens_no_key_of_ours_signs_is_refused(
    config: Configuration, registry: Registry, reloading: SettingsReloader, caplog: pytest.LogCaptureFixture
) -> None:
    index = config.folder.parent / ".demo/keys/keys.toml"
    index.write_text(index.read_text().replace("EdDSA", "none"))
    config.change(DEMO, "id_token_alg", "EdDSA")
    await reloading()
    assert registry.services["demo-service"].signing.id_token_alg == "ES256"
    assert caplog.records[-1].message == "configuration_refused"


async def test_settings_that_need_a_restart_are_named_and_not_applied(
    config: Configuration, registry: Registry, reloading: SettingsReloader, caplog: pytest.LogCaptureFixture
) -> None:
    config.change("broker.toml", "tokens.code", "30 s")
    config.change("broker.toml", "assisted.enabled", value=False)
    (config.folder / "staff.toml").unlink()
    with caplog.at_level(logging.INFO, "portico.app"):
        await reloading()
    [waiting] = [vars(record)["what"] for record in caplog.records if record.message == "restart_required"]
    assert waiting == ("broker.toml: tokens", "broker.toml: assisted", "staff.toml")
    assert registry.staff is not None


async def test_services_are_held_to_the_rules_of_the_broker_that_runs(
    config: Configuration, registry: Registry, reloading: SettingsReloader, caplog: pytest.LogCaptureFixture
) -> None:
    # by the files there are no Welsh pages any more, but citizens are shown them until the restart
    for file in sorted(config.folder.rglob("*.toml")):
        name = str(file.relative_to(config.folder))
        config.write(name, without_welsh(config.table(name)))
    assert not isinstance(SettingsReader(config.folder)(), list)
    await reloading()
    assert caplog.records[-1].message == "configuration_refused"
    assert registry.version == 1
    assert any('the text in "cy" is missing' in vars(record).get("what", "") for record in caplog.records)


def without_welsh(table: object) -> dict[str, object]:
    """A table with no Welsh in it."""

    def inner(value: object) -> object:
        if isinstance(value, dict):
            return {key: inner(one) for key, one in value.items() if key != "cy"}
        if isinstance(value, list):
            return [inner(one) for one in value if one != "cy"]
        return value

    found = inner(table)
    assert isinstance(found, dict)
    return found


async def test_another_sector_is_warned_of(
    config: Configuration, reloading: SettingsReloader, caplog: pytest.LogCaptureFixture
) -> None:
    config.change(DEMO, "sector", "elsewhere.example")
    await reloading()
    assert [(r.message, vars(r)["client_id"]) for r in caplog.records if r.levelno >= logging.WARNING] == [
        ("sector_changed", "demo-service")
    ]


async def test_a_process_reloads_after_a_request_and_reports_the_applied_count(
    config: Configuration, reloading: SettingsReloader, hosts: Hosts
) -> None:
    assert not await reloading.is_requested()
    assert hosts.taken == 0
    hosts.asked = 1
    assert await reloading.is_requested()
    config.change(DEMO, "sector", "")
    await reloading()
    assert hosts.taken == 0, "what is refused is not in force"
    assert not await reloading.is_requested()
    config.change(DEMO, "sector", "aberlan.example")
    await reloading()
    assert hosts.taken == 1


async def test_the_first_poll_of_a_process_reloads_if_a_reload_was_ever_requested(
    reloading: SettingsReloader, hosts: Hosts
) -> None:
    hosts.asked = 3
    assert await reloading.is_requested()
    await reloading()
    assert hosts.taken == 3


async def test_keys_that_stay_where_they_are_are_kept_and_others_are_fetched_anew(
    config: Configuration, registry: Registry, reloading: SettingsReloader
) -> None:
    for name, url in (("library", "https://library.example/jwks"), ("museum", "https://museum.example/jwks")):
        table = config.table("services/land-register.toml")
        del table["jwks_file"]
        (config.folder / "services" / f"{name}.toml").write_text(as_toml(table | {"jwks_uri": url}))
    await reloading()
    before = dict(registry._remote)
    config.change("services/museum.toml", "jwks_uri", "https://museum.example/keys")
    await reloading()
    assert registry._remote["library"] is before["library"]
    assert registry._remote["museum"].url == "https://museum.example/keys"


async def test_the_providers_of_a_service_are_computed_once_and_anew_after_a_reload(
    config: Configuration, registry: Registry, reloading: SettingsReloader
) -> None:
    config.change(DEMO, "providers", ["northbank", "harbour"])
    await reloading()
    demo, other = registry.services["demo-service"], registry.services["travel-office"]
    assert [one.provider.card.id for one in registry.offerable(demo)] == ["northbank", "harbour"]
    assert registry.offerable(demo) is registry.offerable(demo)
    assert len(registry.offerable(other)) == len(registry.providers)
    config.change(BANK, "policy.services", ["travel-office"])
    await reloading()
    assert [one.provider.card.id for one in registry.offerable(registry.services["demo-service"])] == ["harbour"]
    assert len(registry.offerable(registry.services["travel-office"])) == len(registry.providers)
