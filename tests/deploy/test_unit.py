"""The systemd unit: known directives, values that fit image and settings, and `systemd-analyze verify` if installed."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "deploy" / "systemd" / "portico.service"
KNOWN = {
    "Unit": {"Description", "After", "Wants", "StartLimitIntervalSec", "StartLimitBurst"},
    "Install": {"WantedBy"},
    "Service": {
        *("Type", "User", "Group", "WorkingDirectory", "Environment", "ExecStartPre", "ExecStart", "ExecReload"),
        *(
            "KillMode",
            "TimeoutStopSec",
            "Restart",
            "RestartSec",
            "RuntimeDirectory",
            "RuntimeDirectoryMode",
            "StateDirectory",
            "CacheDirectory",
            "CacheDirectoryMode",
        ),
        *("StateDirectoryMode", "UMask", "NoNewPrivileges", "CapabilityBoundingSet", "AmbientCapabilities"),
        *("ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "PrivateIPC", "PrivateUsers", "ProtectClock"),
        *("ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules"),
        *("ProtectKernelTunables", "ProtectProc", "LockPersonality", "MemoryDenyWriteExecute"),
        *("RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "RemoveIPC"),
        *("SystemCallArchitectures", "SystemCallFilter", "LimitNOFILE", "LimitCORE"),
    },
}
"""What the unit uses of the directives of systemd 250 and newer (systemd.unit, systemd.service, systemd.exec)."""


def directives() -> Iterator[tuple[str, str, str]]:
    """Section, directive and value of every line."""
    section = ""
    for line in UNIT.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = found[1]
            continue
        name, is_one, value = line.partition("=")
        assert is_one, line
        yield section, name, value


def values(wanted: str) -> list[str]:
    return [value for _, name, value in directives() if name == wanted]


def test_every_directive_is_known_in_its_section() -> None:
    for section, name, _ in directives():
        assert name in KNOWN[section], f"[{section}] {name}"


def test_systemd_finds_nothing_wrong_but_a_program_that_is_not_installed_here() -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        assert values("ExecStart")[0].startswith("/opt/portico/bin/python -OO -m broker serve --config /etc/portico ")
        return
    output = subprocess.run([analyze, "verify", "--man=no", str(UNIT)], capture_output=True, text=True).stderr
    wrong = [line for line in output.splitlines() if "portico" in line and "is not executable" not in line]
    assert wrong == []


def test_the_unit_checks_the_configuration_before_it_starts_the_same_one() -> None:
    (check,), (start,) = values("ExecStartPre"), values("ExecStart")
    assert f"{check.replace(' check ', ' serve ')} --settings-cache /var/cache/portico/settings" == start


def test_the_unit_runs_as_somebody_without_rights_who_can_write_only_what_the_settings_name() -> None:
    assert values("User") == ["portico"]
    assert values("NoNewPrivileges") == ["yes"]
    assert values("CapabilityBoundingSet") == [""]
    assert values("ProtectSystem") == ["strict"]
    settings = tomllib.loads((ROOT / "deploy" / "example" / "broker.toml").read_text())
    assert settings["metrics"]["folder"].startswith(f"/run/{values('RuntimeDirectory')[0]}/")
    assert settings["audit"]["checkpoints"].startswith(f"/var/lib/{values('StateDirectory')[0]}/")


def test_requests_under_way_have_time_to_finish() -> None:
    settings = tomllib.loads((ROOT / "deploy" / "example" / "broker.toml").read_text())
    assert int(values("TimeoutStopSec")[0]) > int(settings["listen"]["shutdown_timeout"].split()[0]) + 5
    assert values("KillMode") == ["mixed"]
