"""Thousands of services and providers: what is read, checked and offered grows with what is needed, and not faster."""

import cProfile
import hashlib
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from broker.model.service import Service
from broker.platform.http_client import HttpClients
from broker.platform.system import System
from broker.settings import ServiceCache, Settings, credentials, load, loading, service_cache_file, sources
from broker.wiring.admin import SettingsReader
from broker.wiring.provider_builds import ProviderBuilds
from broker.wiring.registry import Registry
from providers import KINDS, ProviderDependencies
from providers.health_monitor import HealthMonitor
from tests.support.configuration import Configuration, prepared

LINEAR = 1.1
"""How much more than twice the calls twice as many files may cost."""


def filled(folder: Path, services: int, providers: int) -> Configuration:
    """The examples with so many more services, which name one provider each, and so many more providers."""
    folder.mkdir()
    prepared(folder)
    config = Configuration(folder / "config")
    provider = config.table("providers/harbour.toml")
    for number in range(providers):
        name = f"p{number}"
        secret = folder / ".demo/secrets" / name
        secret.write_text(f"a secret of provider {number} that is long enough")
        openid = {**provider["openid"], "secret_file": f"../../.demo/secrets/{name}"}
        config.write(f"providers/{name}.toml", provider | {"openid": openid})
    service = config.table("services/travel-office.toml")
    for key in ("secret_file", "jwks_file", "jwks"):
        service.pop(key, None)
    for number in range(services):
        own = {
            "profile": "oidc",
            "authentication": "client_secret_basic",
            "secret_digest": hashlib.sha256(str(number).encode()).hexdigest(),
            "redirect_uris": [f"http://localhost:8002/{number}"],
            "sector": f"s{number}.example",
            "providers": [f"p{number % providers}"],
            "level": "low",
        }
        config.write(f"services/s{number}.toml", service | own)
    return config


def calls(work: Callable[[], object]) -> int:
    """The number of Python calls that some work makes: the same at every run, on any machine."""
    profile = cProfile.Profile()
    profile.runcall(work)
    return sum(entry.callcount for entry in profile.getstats())


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return filled(tmp_path_factory.mktemp("few") / "it", 60, 20)


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    """Twice as many services, with as many providers as `few`."""
    return filled(tmp_path_factory.mktemp("more") / "more", 120, 20)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return filled(tmp_path_factory.mktemp("many") / "it", 120, 40)


def test_reading_and_checking_grows_as_the_number_of_files_does(few: Configuration, many: Configuration) -> None:
    for config in (few, many):
        config.settings()  # what is computed once is computed
    small, large = calls(few.settings), calls(many.settings)
    assert large < 2 * LINEAR * small


def test_a_second_reading_reads_the_changed_services_alone(few: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, parsed, imported = ServiceCache(time.time, youngest=0), [], []

    def parse_file(path: Path, *rest: Any) -> object:
        parsed.append(path.name)
        return parse(path, *rest)

    def with_credentials(written: Service, **how: Any) -> object:
        imported.append(written.client_id)
        return read_credentials(written, **how)

    parse, read_credentials = sources.parse_file, credentials.with_credentials
    first = read(few, cache)
    monkeypatch.setattr(sources, "parse_file", parse_file)
    monkeypatch.setattr(loading, "with_credentials", with_credentials)
    second = read(few, cache)
    assert second == first
    assert all(second.services[name] is service for name, service in first.services.items())
    assert (len(parsed), imported) == (2 + len(first.providers), []), "broker.toml, staff.toml and the providers"
    few.change("services/s7.toml", "names.en", "Another name")
    (few.folder / "services/s8.toml").unlink()
    parsed.clear()
    third = read(few, cache)
    assert (third.services["s7"].name("en"), imported) == ("Another name", ["s7"])
    assert "s8" not in third.services
    assert list(third.services) == [name for name in first.services if name != "s8"]


def test_a_changed_secret_file_is_read_again_though_the_file_of_the_service_is_the_same(few: Configuration) -> None:
    cache = ServiceCache(time.time, youngest=0)
    before = read(few, cache).services["demo-service"]
    secret = few.folder.parent / ".demo/secrets/demo-service"
    secret.write_text("another secret of the council, which is long enough\n")
    after = read(few, cache).services["demo-service"]
    assert after.credentials.secret_digest != before.credentials.secret_digest


def test_a_file_that_changed_a_moment_ago_is_read_again(few: Configuration) -> None:
    cache = ServiceCache(time.time)
    few.change("services/s9.toml", "names.en", "New")
    first = read(few, cache).services["s9"]
    assert read(few, cache).services["s9"] is not first


def test_services_are_checked_again_if_broker_toml_asks_more_of_them(few: Configuration) -> None:
    cache, broker, service = (
        ServiceCache(time.time, youngest=0),
        few.table("broker.toml"),
        few.table("services/s9.toml"),
    )
    few.change("services/s9.toml", "names", {"en": "Nine", "cy": "Naw"})
    read(few, cache)
    few.change("broker.toml", "languages", ["en", "cy", "ar"])
    wrong = load(few.folder, KINDS, cache=cache)
    few.write("broker.toml", broker)
    few.write("services/s9.toml", service)
    assert isinstance(wrong, list)
    assert any(problem.path.startswith("services/s9.toml: names") for problem in wrong)


def started(config: Configuration, file: Path) -> Settings:
    """The settings of a start with a cache file, and files that count as old enough."""
    reader = SettingsReader(config.folder, file, ServiceCache(time.time, youngest=0))
    return reader.load()


def test_another_start_takes_unchanged_services_from_the_cache_file(
    few: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, parsed = tmp_path / "cache", []
    first = started(few, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def parse_file(path: Path, *rest: Any) -> object:
        parsed.append(path)
        return parse(path, *rest)

    parse = sources.parse_file
    monkeypatch.setattr(sources, "parse_file", parse_file)
    assert started(few, file) == first
    assert not any(path.parent.name == "services" for path in parsed)
    few.change("services/s11.toml", "names.en", "Changed")
    parsed.clear()
    assert started(few, file).services["s11"].name("en") == "Changed"
    assert [path.name for path in parsed if path.parent.name == "services"] == ["s11.toml"]
    parsed.clear()
    assert started(few, file).services["s11"].name("en") == "Changed"
    assert not any(path.parent.name == "services" for path in parsed)


@pytest.mark.parametrize("spoil", ["truncated", "another release", "writable by others", "not JSON"])
def test_a_cache_file_that_cannot_be_trusted_is_not_used(
    few: Configuration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    spoil: str,
) -> None:
    file = tmp_path / "cache"
    first = started(few, file)
    content = file.read_bytes()
    match spoil:
        case "truncated":
            file.write_bytes(content[: len(content) // 2])
        case "another release":
            monkeypatch.setattr(service_cache_file, "code_digest", lambda: "another")
        case "writable by others":
            file.chmod(0o666)
        case _:
            file.write_bytes(b"services = 1")
    restored = ServiceCache(time.time)
    service_cache_file.restore(restored, file)
    assert restored.checked == {}
    logged = [one.message for one in caplog.records]
    assert logged == ([] if spoil == "another release" else ["settings_cache_ignored"])
    assert started(few, file) == first


@pytest.mark.parametrize("where", ["missing/cache", "folder"])
def test_a_cache_file_that_cannot_be_written_stops_no_start(few: Configuration, tmp_path: Path, where: str) -> None:
    (tmp_path / "folder").mkdir()
    assert started(few, tmp_path / where).services
    assert [path.name for path in tmp_path.iterdir()] == ["folder"], "no half-written file stays"


CALLS_KNOWN: Final = 130
"""The most calls that a start makes for a service that it finds in the cache file: one second for ten thousand."""
CALLS_READ: Final = 2000
"""The most calls for a service that it reads and checks."""


def test_a_start_makes_few_calls_for_each_service_and_fewer_for_one_of_the_cache(
    few: Configuration, more: Configuration, tmp_path: Path
) -> None:
    def starts(config: Configuration) -> int:
        return calls(lambda: started(config, tmp_path / config.folder.parent.name))

    for config in (few, more):
        started(config, tmp_path / "other")  # what is computed once is computed
    read = (starts(more) - starts(few)) / 60
    known = (starts(more) - starts(few)) / 60
    assert known < CALLS_KNOWN
    assert read < CALLS_READ


def test_an_offer_looks_at_the_providers_of_its_service_and_not_at_all(many: Configuration, system: System) -> None:
    settings = many.settings()
    builds = ProviderBuilds(ProviderDependencies(HttpClients(development=True), system))
    registry = Registry(HealthMonitor(system), builds, HttpClients(development=True), system)
    registry.replace_all(settings, registry.prepare(settings))
    service = registry.services["s3"]
    assert [one.provider.card.id for one in registry.offerable(service)] == ["p3"]
    assert calls(lambda: registry.offerable(service)) < 10


def read(config: Configuration, cache: ServiceCache) -> Settings:
    """A reading with a cache, which must find no problem."""
    found = load(config.folder, KINDS, cache=cache)
    assert isinstance(found, Settings), found
    return found
