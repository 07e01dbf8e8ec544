"""Schema of a provider's file, and its conversion into a ProviderEntry. The kind's own table fills the kind's
dataclass."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Protocol

from broker.model.assurance import Level
from broker.model.provider_policy import ProviderPolicy
from broker.platform.toml_loader import Instant, Problem, Range, load, suggestion
from broker.provider import Prerequisite, ProviderInfo
from broker.settings.sources import Source


class ProviderKind(Protocol):
    """The part of a provider kind that the settings use."""

    @property
    def config(self) -> type[Any]:
        """The dataclass of the kind's table."""
        ...

    @property
    def check(self) -> Callable[[Any, bool], list[Problem]]:
        """Checks beyond types. The second argument is True in development. Returns problems with paths inside the
        table."""
        ...


@dataclass(frozen=True, slots=True)
class ProviderPolicyFile:
    """How a provider is offered to citizens: the table `[policy]`."""

    enabled: bool = True
    """Whether the provider is offered. To turn it off immediately, use `portico provider disable`."""
    services: tuple[str, ...] = ()
    """Soft launch: the services for which it is offered. Left out: all."""
    accept_new_until: Instant | None = None
    """From this time only citizens who used the provider before are accepted. A date, or a date and time."""
    accept_sign_in_until: Instant | None = None
    """From this time no sign-in is accepted."""
    paused: Mapping[str, str] = field(default_factory=dict)
    """The reason why no citizen is sent there at present, by language. Citizens read it."""
    paused_until: Instant | None = None
    """When the pause ends automatically. Left out: when `paused` is removed."""
    languages: tuple[str, ...] = ()
    """Languages of the provider's own pages. Left out: unknown."""
    weight: int = 0
    """Position if the picker's order is `configured`: the lowest weight comes first."""
    staff_only: bool = False
    """Whether the provider is hidden from citizens."""
    contact: str | None = None
    """Help desk of the provider: an address or a telephone number, displayed as text."""


@dataclass(frozen=True, slots=True)
class ProviderFile:
    """An identity provider: config/providers/<id>.toml. A table named after its kind holds the settings of that
    kind."""

    id: str
    """Provider identifier: lower-case letters, digits and hyphens. It is part of the callback's path, so it must
    never change. It may be left out in a file of its own: then it is the file's name."""
    kind: str
    """The kind of provider, such as `openid`. A table with this name holds the settings of the kind."""
    names: Mapping[str, str]
    """The name of the provider on citizens' pages, in every language of the broker."""
    needs: Mapping[str, str]
    """What a citizen needs to use it, in one line, in every language."""
    minutes: Annotated[int, Range(1, 1440)]
    """Typical duration of a sign-in, in minutes."""
    max_level: Level
    """The highest level of assurance it is registered for. A higher `acr` in its response is lowered to this."""
    prerequisites: tuple[Prerequisite, ...] = ()
    """What a citizen needs to succeed there: passport, driving_licence, bank_account, smartphone. For citizens who
    say what they have, matching providers come first. Left out: unknown."""
    policy: ProviderPolicyFile = ProviderPolicyFile()


@dataclass(frozen=True, slots=True)
class OwnKey:
    """The broker's private key at one provider. If `id` is None, the RFC 7638 thumbprint is the `kid`."""

    path: Path
    algorithm: str
    id: str | None


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """One configured provider, from which the registry builds a client. `config` is an instance of the kind's
    dataclass."""

    id: str
    kind: str
    card: ProviderInfo
    policy: ProviderPolicy
    config: Any

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yields the secret and key files of the kind's table, each with its setting's name."""
        for setting in fields(self.config):
            value = getattr(self.config, setting.name)
            if isinstance(value, Path):
                yield setting.name, value

    def own_key(self) -> OwnKey | None:
        """The broker's private key at this provider: `key_file`, with `key_algorithm` and `key_id`. None without a
        key."""
        path = dict(self.files()).get("key_file")
        if path is None:
            return None
        config = self.config
        return OwnKey(path, getattr(config, "key_algorithm", "ES256"), getattr(config, "key_id", None))


def provider(
    source: Source, kinds: Mapping[str, ProviderKind], development: bool
) -> tuple[ProviderEntry | None, list[Problem]]:
    """Converts a source's table into a provider. Returns it, or None, with every problem; paths as in the source."""
    table = dict(source.table)
    name = table.get("kind")
    kind = kinds.get(name) if isinstance(name, str) else None
    own = table.pop(name, {}) if isinstance(name, str) and kind is not None else {}
    file, problems = load(table, ProviderFile, base=source.base)
    if kind is None:
        if isinstance(name, str):
            problems = [problem for problem in problems if problem.path not in kinds]
            problems.append(Problem("kind", f'"{name}" is not a kind of provider', suggestion(name, kinds)))
        return None, problems
    config, more = load(own, kind.config, str(name), base=source.base)
    problems += more
    if config is not None:
        problems += [
            Problem(f"{name}.{problem.path}", problem.what, problem.fix) for problem in kind.check(config, development)
        ]
    if file is None or config is None:
        return None, problems
    listing = ProviderPolicy(
        **{setting.name: getattr(file.policy, setting.name) for setting in fields(ProviderPolicyFile)}
    )
    card = ProviderInfo(file.id, file.names, file.needs, file.minutes, file.max_level, file.prerequisites)
    return ProviderEntry(file.id, file.kind, card, listing, config), problems
