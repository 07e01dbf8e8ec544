"""Schema of a provider's file, and its conversion into a ProviderEntry. The kind's own table fills the kind's
dataclass."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

from broker.model.json_types import JsonObject
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

    @property
    def preset_names(self) -> Sequence[str]:
        """The names of its presets."""
        ...

    def check(self, config: Any, /, *, development: bool) -> list[Problem]:
        """Checks the table beyond its types. Returns problems with paths inside the table."""
        ...

    def with_preset(self, name: str, environment: str, table: Mapping[str, Any], /) -> Mapping[str, Any]:
        """The table of a provider's file on top of a preset. Raises LookupError."""
        ...

    def public_keys(self, config: Any, /) -> JsonObject:
        """The broker's public keys at a provider (RFC 7517). Raises OSError or ValueError for an unusable file."""
        ...


@dataclass(frozen=True, slots=True)
class ProviderFile:
    """An identity provider: config/providers/<id>.toml. A table named after its kind holds the settings of that
    kind."""

    card: Annotated[ProviderInfo, Flattened()]
    kind: Annotated[str, Key(after="id")]
    """The kind of provider, such as `openid`. A table with this name holds the settings of the kind."""
    preset: Annotated[str | None, Key(after="kind")] = None
    """The preset of a national provider, such as `singpass`: it has every setting that is the same for all who use this
    provider. A setting in this file takes precedence; tables are merged key by key."""
    preset_environment: Annotated[str, Key(after="preset")] = "live"
    """The environment of the preset's provider: `live`, or `test`."""
    policy: ProviderPolicy = field(default_factory=ProviderPolicy)


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A file with a private key of the broker at one provider, and the setting that names it.

    `algorithm` is that of its signatures; None for a key that decrypts.
    """

    setting: str
    path: Path
    algorithm: str | None


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """One configured provider, from which the registry builds a client. `config` is an instance of the kind's
    dataclass."""

    kind: str
    card: ProviderInfo
    policy: ProviderPolicy
    config: Any
    preset: str | None = None
    settings: tuple[tuple[str, object], ...] = field(init=False, compare=False, repr=False)
    """Every setting of the kind's table by its path: derived once, since many checks look for files among them."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", tuple(settings_of(self.config)))

    @property
    def id(self) -> str:
        """Provider identifier."""
        return self.card.id

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yields the files that the kind's table names, each with its setting's name."""
        return ((name, value) for name, value in self.settings if isinstance(value, Path))

    def secrets(self) -> Iterator[tuple[str, Path]]:
        """Yields the files of `files` that hold a secret, each with its setting's name."""
        return ((name, path) for name, path in self.files() if name.rpartition(".")[2] not in _PUBLIC)

    def own_keys(self) -> Iterator[OwnKey]:
        """The broker's private keys at this provider: each `key_file` with the algorithm beside it, and those in
        `published_key_files` and `encryption_key_files`."""
        known = dict(self.settings)
        for name, path in self.files():
            table, dot, last = name.rpartition(".")
            if last.startswith("encryption_key_files["):
                yield OwnKey(name, path, None)
            elif last.startswith("published_key_files["):
                yield OwnKey(name, path, str(known.get("key_algorithm", "ES256")))
            elif last == "key_file":
                algorithm = known.get(f"{table}{dot}key_algorithm", known.get(f"{table}{dot}algorithm", "ES256"))
                yield OwnKey(name, path, str(algorithm))


_PUBLIC: Final = frozenset({"ca_file", "certificate_file", "key_certificate_file"})
"""Settings that name files without a secret, which several providers may share."""


def settings_of(config: Any, before: str = "") -> Iterator[tuple[str, object]]:
    """Yields the path and the value of each setting in a kind's table, in the tables inside it and in lists."""
    for setting in fields(config):
        name, value = f"{before}{setting.name}", getattr(config, setting.name)
        if is_dataclass(value):
            yield from settings_of(value, f"{name}.")
        elif isinstance(value, tuple) and value and isinstance(value[0], Path):
            yield from ((f"{name}[{i}]", one) for i, one in enumerate(value))
        else:
            yield name, value


def provider(
    source: Source, kinds: Mapping[str, ProviderKind], *, development: bool
) -> tuple[ProviderEntry | None, list[Problem]]:
    """Converts a source's table into a provider. Returns it, or None, with every problem; paths as in the source."""
    table, problem = completed(source.table, kinds)
    if problem is not None:
        return None, [problem]
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
    return ProviderEntry(file.kind, file.card, file.policy, config, file.preset), problems


def completed(table: Mapping[str, object], kinds: Mapping[str, ProviderKind]) -> tuple[dict[str, Any], Problem | None]:
    """The table of a file, completed by its preset, and the problem of a preset that does not exist."""
    name, environment = table.get("preset"), table.get("preset_environment", "live")
    kind = kinds.get(str(table.get("kind")))
    if not isinstance(name, str) or not isinstance(environment, str) or kind is None:
        return dict(table), None
    try:
        return dict(kind.with_preset(name, environment, table)), None
    except LookupError as problem:
        if name in kind.preset_names:
            return dict(table), Problem("preset_environment", str(problem.args[0]), 'write "live" or "test"')
        return dict(table), Problem("preset", str(problem.args[0]), suggestion(name, dict.fromkeys(kind.preset_names)))
