"""What a provider's file may say, and the entry it becomes. The kind's own table is filled by the kind's dataclass."""

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
    """What the settings need to know of one kind of provider."""

    @property
    def config(self) -> type[Any]:
        """The dataclass that the kind's table fills."""
        ...

    @property
    def check(self) -> Callable[[Any, bool], list[Problem]]:
        """What is wrong in it beyond types, with paths inside the table; the second argument says development."""
        ...


@dataclass(frozen=True, slots=True)
class ProviderPolicyFile:
    """How a provider is offered to citizens: the table `[policy]`."""

    enabled: bool = True
    """Whether it is offered at all. To turn it off this minute, use `portico provider disable`."""
    services: tuple[str, ...] = ()
    """The services it is offered for, while it is being introduced. Left out: all."""
    accept_new_until: Instant | None = None
    """From here on only citizens who used it before are accepted. A date, or a date and time."""
    accept_sign_in_until: Instant | None = None
    """From here on nobody is accepted."""
    paused: Mapping[str, str] = field(default_factory=dict)
    """The reason for which nobody is sent there now, by language. Citizens read it."""
    paused_until: Instant | None = None
    """When the pause ends by itself. Left out: when `paused` is taken out."""
    languages: tuple[str, ...] = ()
    """The languages of the provider's own pages. Left out: not known."""
    weight: int = 0
    """Its place where the picker's order is `configured`: the lightest comes first."""
    staff_only: bool = False
    """Whether it is kept from citizens altogether."""
    contact: str | None = None
    """Where the provider helps its users: an address or a telephone number, shown as text."""


@dataclass(frozen=True, slots=True)
class ProviderFile:
    """A provider, as its file describes it: config/providers/<id>.toml. A table named after the kind says the rest."""

    id: str
    """Our name for it: lower-case letters, digits and hyphens. It stands in the callback's path, so it
    must never change. In a file of its own it may be left out: then the file's name counts."""
    kind: str
    """The kind of provider, such as `openid`. A table of this name holds what that kind needs."""
    names: Mapping[str, str]
    """What citizens call it, in every language of the broker."""
    needs: Mapping[str, str]
    """What a citizen needs to use it, in one line, in every language."""
    minutes: Annotated[int, Range(1, 1440)]
    """How long a sign-in takes about, in minutes."""
    max_level: Level
    """The highest level it is registered for. Nothing above it is ever believed."""
    prerequisites: tuple[Prerequisite, ...] = ()
    """What a citizen must have to succeed there: passport, driving_licence, bank_account, smartphone. Citizens who say
    what they have are shown first what fits. Left out: not known."""
    policy: ProviderPolicyFile = ProviderPolicyFile()


@dataclass(frozen=True, slots=True)
class OwnKey:
    """The broker's private key at one provider. Without an `id` its RFC 7638 thumbprint is its `kid`."""

    path: Path
    algorithm: str
    id: str | None


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """One configured provider: enough for `app` to build it. `config` is an instance of the kind's dataclass."""

    id: str
    kind: str
    card: ProviderInfo
    policy: ProviderPolicy
    config: Any

    def files(self) -> Iterator[tuple[str, Path]]:
        """The secret and key files its table names, each with its setting's name."""
        for setting in fields(self.config):
            value = getattr(self.config, setting.name)
            if isinstance(value, Path):
                yield setting.name, value

    def own_key(self) -> OwnKey | None:
        """The broker's private key at this provider: `key_file` of its table, for `key_algorithm`, as `key_id`."""
        path = dict(self.files()).get("key_file")
        if path is None:
            return None
        config = self.config
        return OwnKey(path, getattr(config, "key_algorithm", "ES256"), getattr(config, "key_id", None))


def provider(
    source: Source, kinds: Mapping[str, ProviderKind], development: bool
) -> tuple[ProviderEntry | None, list[Problem]]:
    """The provider that a table describes, or every problem in it, with paths as the source gives them."""
    table = dict(source.table)
    name = table.get("kind")
    kind = kinds.get(name) if isinstance(name, str) else None
    own = table.pop(name, {}) if isinstance(name, str) and kind is not None else {}
    file, problems = load(table, ProviderFile, base=source.base)
    if kind is None:
        if isinstance(name, str):
            problems = [problem for problem in problems if problem.path not in kinds]
            problems.append(Problem("kind", f'"{name}" is no kind of provider', suggestion(name, kinds)))
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
