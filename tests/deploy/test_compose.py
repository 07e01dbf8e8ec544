"""The compose file fits the image, the example configuration and the proxy that it names."""

import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.image import stages

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "compose"
EXAMPLE = ROOT / "deploy" / "example"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
BROKERS = [name for name in SERVICES if name.startswith("broker-")]
SETTINGS = tomllib.loads((EXAMPLE / "broker.toml").read_text())


def networks(service: dict[str, Any]) -> set[str]:
    return set(service["networks"])


def test_there_are_two_brokers_a_database_a_cache_and_one_proxy() -> None:
    assert {"postgres", "redis", "migrate", "broker-1", "broker-2", "proxy"} == set(SERVICES)


@pytest.mark.parametrize("name", [*BROKERS, "migrate"])
def test_a_broker_is_built_from_the_image_and_may_do_nothing_that_it_need_not(name: str) -> None:
    service = SERVICES[name]
    build = service["build"]
    context = (FOLDER / build["context"]).resolve()
    assert context == ROOT
    assert (context / build["dockerfile"]).is_file()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "ports" not in service
    user = stages(ROOT / "deploy" / "image" / "Containerfile")[-1].all("USER")[-1].partition(":")[0]
    assert any(f"uid={user}" in each for each in service["tmpfs"])


@pytest.mark.parametrize("name", BROKERS)
def test_a_broker_has_longer_to_end_than_requests_have_to_finish(name: str) -> None:
    drain = int(SETTINGS["listen"]["shutdown_timeout"].split()[0])
    assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > drain + 5


def test_what_a_broker_writes_has_a_place() -> None:
    places = {each.split(":")[1] for each in SERVICES["broker-1"]["volumes"] if not each.endswith(":ro")}
    places |= {each.split(":")[0] for each in SERVICES["broker-1"]["tmpfs"]}
    for written in (SETTINGS["metrics"]["folder"], SETTINGS["audit"]["checkpoints"]):
        assert any(written.startswith(f"{place}/") for place in places), written


def test_brokers_reach_both_stores_by_the_names_in_the_example() -> None:
    for section in ("database", "ephemeral"):
        host = re.search(r"//(?:[^@/]*@)?([^:/]+)", SETTINGS[section]["url"])
        assert host is not None
        assert networks(SERVICES[host[1]]) & networks(SERVICES["broker-1"]), section


def test_only_the_proxy_is_reached_from_outside_and_it_reaches_no_store() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert not networks(SERVICES["proxy"]) & networks(SERVICES["postgres"])
    assert COMPOSE["networks"]["stores"]["internal"] is True


def test_the_brokers_believe_the_proxy_and_nobody_else() -> None:
    (subnet,) = [each["subnet"] for each in COMPOSE["networks"]["proxy"]["ipam"]["config"]]
    assert SETTINGS["listen"]["trusted_proxies"] == [subnet]
    assert ipaddress.ip_address(SERVICES["proxy"]["networks"]["proxy"]["ipv4_address"]) in ipaddress.ip_network(subnet)


def test_the_schema_is_brought_up_to_date_before_a_broker_starts() -> None:
    assert SERVICES["migrate"]["command"][0] == "migrate"
    assert SERVICES["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    for name in BROKERS:
        assert SERVICES[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_redis_keeps_nothing_on_disk_evicts_nothing_and_shows_its_password_to_nobody() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "--save ''" in command
    assert "--appendonly no" in command
    assert "--maxmemory-policy noeviction" in command
    assert "redis-server -" in command
    assert "--requirepass" not in command


def test_every_file_secret_volume_and_network_that_is_named_exists() -> None:
    made = {f"./config/{SETTINGS[section]['password_file']}" for section in ("database", "ephemeral")}
    assert {each["file"] for each in COMPOSE["secrets"].values()} == made
    for service in SERVICES.values():
        assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
        assert networks(service) <= COMPOSE["networks"].keys()
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith(".."):
                assert (FOLDER / source).exists(), source
            elif not source.startswith("./config"):
                assert source in COMPOSE["volumes"], source
