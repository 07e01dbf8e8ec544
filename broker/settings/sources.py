"""Sources of the settings: a folder of TOML files, or one TOML file."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomli

from broker.platform.operator_files import Unfit, is_folder, is_named, text
from broker.platform.toml_loader import Problem


@dataclass(frozen=True, slots=True)
class Source:
    """One table and its source: the file's name, the table's path in it, the folder that its relative paths start
    at."""

    file: str
    at: str
    table: Mapping[str, object]
    base: Path

    def placed(self, problem: Problem) -> Problem:
        """A problem inside the table with its full path, such as `services/shop.toml: redirect_uris[0]`."""
        path = f"{self.at}.{problem.path}" if self.at and problem.path else self.at or problem.path
        return replace(problem, path=f"{self.file}: {path}" if path else self.file)


@dataclass(frozen=True, slots=True)
class Sources:
    """Every table of the settings, unchecked. `staff` is None if there is no such table.

    `service_ids` and `provider_ids` include those whose file cannot be parsed.
    """

    broker: Source
    services: Sequence[Source]
    providers: Sequence[Source]
    staff: Source | None
    service_ids: Mapping[str, None]
    provider_ids: Mapping[str, None]


def read_sources(
    place: Path,
    origins: Mapping[str, str],
    additional: Sequence[Source] = (),
    unchanged: Callable[[Path], Source | None] = lambda _: None,
) -> tuple[Sources | None, list[Problem]]:
    """Reads a folder (`broker.toml`, `services/`, `providers/`, `staff.toml`) or one file that contains all tables.

    `additional` are further services. `origins` replaces `host:port` texts in every value. None if broker.toml cannot
    be parsed.
    """
    problems: list[Problem] = []
    main = place / "broker.toml" if is_folder(place) else place
    table = parse_file(main, main.name, origins, problems)
    if table is None:
        return None, problems
    folder = place if is_folder(place) else None
    listed = {name: list_files(folder, name, problems) for name in ("services", "providers")}
    services, providers = (
        [
            *main_file_sources(table.pop(name, []), main, name, problems),
            *folder_sources(listed[name], name, key, origins, problems, known),
        ]
        for name, key, known in (("services", "client_id", unchanged), ("providers", "id", _unknown))
    )
    services += additional
    staff = staff_source(table.pop("staff", None), main, folder, origins, problems)
    return (
        Sources(
            broker=Source(main.name, "", table, main.parent),
            services=services,
            providers=providers,
            staff=staff,
            service_ids=known_ids(services, listed["services"], "services", "client_id"),
            provider_ids=known_ids(providers, listed["providers"], "providers", "id"),
        ),
        problems,
    )


def _unknown(_path: Path) -> Source | None:
    """Nothing is known of a provider's file before it is read."""
    return None


def known_ids(sources: Sequence[Source], paths: Sequence[Path], name: str, key: str) -> dict[str, None]:
    """The ids in the tables, and the names of files that cannot be parsed."""
    said = [known for source in sources if isinstance(known := source.table.get(key), str)]
    read = {source.file for source in sources}
    return dict.fromkeys([*said, *(path.stem for path in paths if f"{name}/{path.name}" not in read)])


def list_files(folder: Path | None, name: str, problems: list[Problem]) -> list[Path]:
    """The files of `services/` or `providers/`, sorted. Hidden files, such as those of editors, are ignored."""
    if folder is None or not is_named(folder / name):
        return []
    try:
        found = sorted((folder / name).iterdir(), key=lambda path: path.name)
    except OSError as problem:
        fix = f"make {folder / name} a folder that the broker's user can read"
        problems.append(Problem(name, f"cannot be read: {problem.strerror}", fix))
        return []
    return [path for path in found if path.suffix == ".toml" and not path.name.startswith(".")]


def main_file_sources(value: object, main: Path, name: str, problems: list[Problem]) -> list[Source]:
    """The `[[services]]` or `[[providers]]` of the main file."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        problems.append(
            Problem(f"{main.name}: {name}", "a list of tables is required", f"write [[{name}]] before each")
        )
        return []
    return [Source(main.name, f"{name}[{i}]", item, main.parent) for i, item in enumerate(value)]


def folder_sources(
    paths: Sequence[Path],
    name: str,
    key: str,
    origins: Mapping[str, str],
    problems: list[Problem],
    unchanged: Callable[[Path], Source | None],
) -> list[Source]:
    """The tables of `services/` or `providers/`, and the known sources of unchanged files. The default id is the file's
    name."""
    found = []
    for path in paths:
        if (known := unchanged(path)) is not None:
            found.append(known)
            continue
        label = f"{name}/{path.name}"
        if (table := parse_file(path, label, origins, problems)) is not None:
            found.append(Source(label, "", {key: path.stem} | table, path.parent))
    return found


def staff_source(
    value: object, main: Path, folder: Path | None, origins: Mapping[str, str], problems: list[Problem]
) -> Source | None:
    """The staff's table: staff.toml, or `[staff]` of the main file."""
    path = folder / "staff.toml" if folder is not None else None
    if path is not None and is_named(path):
        if value is not None:
            problems.append(Problem(f"{main.name}: staff", "staff.toml exists too", "keep one of the two"))
        table = parse_file(path, path.name, origins, problems)
        return None if table is None else Source(path.name, "", table, path.parent)
    if value is not None and not isinstance(value, dict):
        problems.append(Problem(f"{main.name}: staff", "a table is required", "write it as [staff]"))
        return None
    return None if value is None else Source(main.name, "staff", value, main.parent)


def parse_file(path: Path, label: str, origins: Mapping[str, str], problems: list[Problem]) -> dict[str, object] | None:
    """Parses a file. Returns its table, or None with the problem appended."""
    try:
        table = tomli.loads(text(path))
    except Unfit as unfit:
        problems.append(Problem(label, unfit.what, unfit.fix))
    except (ValueError, RecursionError) as problem:
        said = "nested too deeply" if isinstance(problem, RecursionError) else str(problem)
        problems.append(Problem(label, f"this is not TOML: {said}", "fix that line"))
    else:
        shifted: dict[str, object] = replace_origins(lower_language_codes(table), origins)
        return shifted
    return None


def lower_language_codes(value: Any) -> Any:
    """Language codes in lower case: keys of texts by language, and items of lists named `languages` (BCP 47 2.1.1).

    A table whose keys all have two letters is read as texts by language. A table with both spellings of a code stays
    unchanged; its check reports the unknown one.
    """
    if isinstance(value, list):
        return [lower_language_codes(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    by_language = all(map(_is_code, value)) and len({key.lower() for key in value}) == len(value)
    return {
        key.lower() if by_language else key: _lower_codes(inner) if key == "languages" else lower_language_codes(inner)
        for key, inner in value.items()
    }


def _is_code(text: str) -> bool:
    return len(text) == 2 and text.isascii() and text.isalpha()


def _lower_codes(value: Any) -> Any:
    """Language codes of a list or of a table, in lower case."""
    if isinstance(value, list):
        return [code.lower() if isinstance(code, str) and _is_code(code) else code for code in value]
    return lower_language_codes(value)


def replace_origins(value: Any, origins: Mapping[str, str]) -> Any:
    """Replaces every `host:port` in `origins`, in texts at any depth."""
    if not origins:
        return value
    if isinstance(value, dict):
        return {key: replace_origins(inner, origins) for key, inner in value.items()}
    if isinstance(value, list):
        return [replace_origins(inner, origins) for inner in value]
    if not isinstance(value, str):
        return value
    pattern = "|".join(re.escape(origin) for origin in origins)
    return re.sub(rf"(?<![\w.-])(?:{pattern})(?!\d)", lambda match: origins[match.group()], value)
