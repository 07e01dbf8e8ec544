"""Renamed settings: keys of release 0.1.0 and the current keys.

`check`, `serve` and `reload` reject an old key and name the current one. The value is read under the current key
nevertheless, so that one run reports every other problem too. Files that the broker wrote for services that registered
themselves may have either key, and are rewritten at startup.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from broker.model.service import SELF_REGISTERED_PREFIX
from broker.platform.toml_loader import Problem, join_path
from broker.settings.sources import Source, Sources

BROKER: Final[Mapping[str, str]] = {
    "assisted.code_tries": "assisted.max_code_attempts",
    "assisted.codes": "assisted.max_codes",
    "assisted.hours.zone": "assisted.hours.time_zone",
    "assisted.more_evidence": "assisted.max_evidence_requests",
    "assisted.whole": "assisted.max_duration",
    "certificates": "client_certificates",
    "certificates.authorities": "client_certificates.ca_file",
    "certificates.proxies": "client_certificates.trusted_proxies",
    "facts": "database",
    "facts.connections": "database.pool_size",
    **{
        f"limits.{before}": f"limits.{now}"
        for before, now in {
            "codes_by_address": "failed_user_codes_per_ip",
            "codes_by_address.most": "failed_user_codes_per_ip.max",
            "failed_authentications_by_address": "failed_authentications_per_ip",
            "failed_authentications_by_address.most": "failed_authentications_per_ip.max",
            "help_by_address": "help_requests_per_ip",
            "help_by_address.most": "help_requests_per_ip.max",
            "open_per_browser": "transactions_per_browser",
            "questions_by_citizen": "backchannel_requests_per_citizen",
            "questions_by_citizen.most": "backchannel_requests_per_citizen.max",
            "requests_by_client": "requests_per_client",
            "requests_by_client.most": "requests_per_client.max",
            "starts_by_address": "authorization_requests_per_ip",
            "starts_by_address.most": "authorization_requests_per_ip.max",
        }.items()
    },
    "listen.drain": "listen.shutdown_timeout",
    "listen.proxies": "listen.trusted_proxies",
    "notices": "notifications",
    "outgoing": "http_client",
    "outgoing.networks": "http_client.allowed_networks",
    "passing": "ephemeral",
    "registration": "dynamic_registration",
    "tokens.question": "tokens.backchannel_request",
    "zone": "time_zone",
}
"""Renamed keys of broker.toml, with full paths in both releases."""

PROVIDER: Final[Mapping[str, str]] = {
    "highest": "max_level",
    "listing": "policy",
    "openid.acr_request": "openid.acr_values",
    "openid.announces_issuer": "openid.iss_parameter_supported",
    "openid.connections": "openid.max_connections",
    "openid.new_sign_in": "openid.reauthentication",
    "wants": "prerequisites",
}
"""Renamed keys of a provider's file."""

SERVICE: Final[Mapping[str, str]] = {
    "data": "claims",
    "origins": "cors_origins",
    "patience": "answer_timeout",
}
"""Renamed keys of a service's file."""

STAFF: Final[Mapping[str, str]] = {
    "people.trained": "people.skills",
    **{f"provider.{before}": f"provider.{now}" for before, now in PROVIDER.items()},
    "sessions.fresh": "sessions.decision_max_age",
}
"""Renamed keys of staff.toml, whose table `provider` is like a provider's file."""

_SELF_REGISTERED: Final = re.compile(rf"{SELF_REGISTERED_PREFIX}[0-9a-f]+\.toml")


def with_current_keys(sources: Sources, problems: list[Problem]) -> Sources:
    """Every table with the current keys. Appends a problem for each old key that an operator wrote."""
    return replace(
        sources,
        broker=_current(sources.broker, BROKER, problems),
        services=[
            _current(source, SERVICE, [] if is_self_registered(source.file) else problems)
            for source in sources.services
        ],
        providers=[_current(source, PROVIDER, problems) for source in sources.providers],
        staff=None if sources.staff is None else _current(sources.staff, STAFF, problems),
    )


def is_self_registered(file: str) -> bool:
    """Whether the broker wrote a file for a service that registered itself, such as `services/self-0a1b.toml`."""
    folder, _, name = file.rpartition("/")
    return folder == "services" and _SELF_REGISTERED.fullmatch(name) is not None


def rename(table: Mapping[str, object], renamed: Mapping[str, str]) -> tuple[dict[str, object], Sequence[Problem]]:
    """The table with the current keys, and a problem for each old key, at the place where it stands."""
    if table.keys().isdisjoint(before.partition(".")[0] for before in renamed):
        return dict(table), ()
    walk = _Walk(renamed, {now: before for before, now in renamed.items()}, [])
    return walk.table(table, "", "", ""), walk.problems


def _current(source: Source, renamed: Mapping[str, str], problems: list[Problem]) -> Source:
    table, found = rename(source.table, renamed)
    problems += map(source.placed, found)
    return replace(source, table=table)


@dataclass(frozen=True, slots=True)
class _Walk:
    """One traversal of a table. `renamed` maps old paths to current ones, `before` the reverse."""

    renamed: Mapping[str, str]
    before: Mapping[str, str]
    problems: list[Problem]

    def table(self, table: Mapping[str, object], old: str, new: str, place: str) -> dict[str, object]:
        """A table with the current keys. `old` and `new` are its paths in the two releases, `place` is as written.

        If an old key and its current key are both present, the current one is used.
        """
        found: dict[str, object] = {}
        for key, value in table.items():
            now = self.renamed.get(join_path(old, key))
            at = join_path(place, key)
            if now is None:
                path = join_path(new, key)
                found[key] = self._value(value, self.before.get(path, join_path(old, key)), path, at)
                continue
            current = now.rpartition(".")[2]
            fix = f"{now} is set too: remove this" if current in table else f"write {now}"
            self.problems.append(Problem(at, "this setting was renamed", fix))
            if current not in table:
                found[current] = self._value(value, join_path(old, key), now, at)
        return found

    def _value(self, value: object, old: str, new: str, place: str) -> object:
        if isinstance(value, Mapping):
            return self.table(value, old, new, place)
        if isinstance(value, list):
            return [self._value(one, old, new, f"{place}[{i}]") for i, one in enumerate(value)]
        return value
