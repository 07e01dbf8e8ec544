"""Schema of a provider's file, and its conversion into a ProviderEntry. The kind's own table fills the kind's
dataclass."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Protocol

from broker.model.provider_policy import ProviderPolicy
from broker.platform.toml_fields import Flattened, Key
from broker.platform.toml_loader import Problem, load, suggestion
from broker.provider import ProviderInfo
from broker.settings.sources import Source


class ProviderKind(Protocol):
    """The part of a provider kind that the settings use."""

    @property
    def config(self) -> type[Any]:
        """The dataclass of the kind's table."""
        ...

    def check(self, config: Any, /, *, development: bool) -> list[Problem]:
        """Checks the table beyond its types. Returns problems with paths inside the table."""
        ...


@dataclass(frozen=True, slots=True)
class ProviderFile:
    """An identity provider: config/providers/<id>.toml. A table named after its kind holds the settings of that
    kind."""

    card: Annotated[ProviderInfo, Flattened()]
    kind: Annotated[str, Key(after="id")]
    """The kind of provider, such as `openid`. A table with this name holds the settings of the kind."""
    policy: ProviderPolicy = field(default_factory=ProviderPolicy)


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

    kind: str
    card: ProviderInfo
    policy: ProviderPolicy
    config: Any

    @property
    def id(self) -> str:
        """Provider identifier."""
        return self.card.id

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
    source: Source, kinds: Mapping[str, ProviderKind], *, development: bool
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
            Problem(f"{name}.{problem.path}", problem.what, problem.fix)
            for problem in kind.check(config, development=development)
        ]
    if file is None or config is None:
        return None, problems
    return ProviderEntry(file.kind, file.card, file.policy, config), problems
