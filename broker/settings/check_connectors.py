"""Checks of the connectors (their URL, their look-up, what they get, their file) and of the tool for video rooms."""

from collections.abc import Iterator

from broker.assisted.look_ups import OF_PERSON, ConnectorSettings
from broker.assisted.profiles import Profiles
from broker.platform.toml_loader import Problem
from broker.settings.profile_file import profile_problems, profiles_of
from broker.settings.schema import BrokerSettings
from broker.settings.secret_files import file_problem
from broker.settings.urls import check_url


def check_connectors(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks each connector against the profile file."""
    yield from _rooms(broker)
    if not broker.assisted.connectors or any(profile_problems(broker)):
        return
    profiles = profiles_of(broker)
    for name, one in broker.assisted.connectors.items():
        place = f"assisted.connectors.{name}"
        if not (name.isascii() and name.replace("_", "").isalnum()):
            yield Problem(place, "this is not an id", "use letters, digits and _")
        yield from check_url(f"{place}.url", one.url, development=broker.development)
        if one.lookup not in profiles.lookups:
            known = ", ".join(profiles.lookups)
            yield Problem(f"{place}.lookup", "the profile file has no such look-up", f"write one of {known}")
            continue
        yield from _sends(place, one, profiles)
        if one.authorization_file is not None and (problem := file_problem(one.authorization_file)) is not None:
            yield Problem(f"{place}.authorization_file", *problem)


def _rooms(broker: BrokerSettings) -> Iterator[Problem]:
    rooms, place = broker.assisted.video_rooms, "assisted.video_rooms"
    if rooms is None:
        return
    yield from check_url(f"{place}.url", rooms.url, development=broker.development)
    yield from check_url(f"{place}.links", rooms.links, development=broker.development)
    if not rooms.links.endswith("/"):
        yield Problem(f"{place}.links", "another host could begin like this", 'end it with "/"')
    if rooms.authorization_file is not None and (problem := file_problem(rooms.authorization_file)) is not None:
        yield Problem(f"{place}.authorization_file", *problem)


def _sends(place: str, one: ConnectorSettings, profiles: Profiles) -> Iterator[Problem]:
    checks = set(profiles.lookups[one.lookup].checks)
    kinds = [kind for kind in profiles.kinds.values() if not checks.isdisjoint(kind.checks)]
    known = {*OF_PERSON, *(["kind"] if kinds else []), *(field for kind in kinds for field in kind.fields)}
    for value in one.sends:
        if value not in known:
            yield Problem(f"{place}.sends", f'"{value}" is never recorded', f"write some of {', '.join(sorted(known))}")
