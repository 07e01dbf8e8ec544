"""A configuration that tests may change: a copy of the examples, with every key and secret that it names."""

import atexit
import json
import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import cache
from pathlib import Path
from typing import Any

from broker.platform.system import real_system
from broker.platform.toml_loader import Problem
from broker.settings import Settings, load
from broker.wiring.generate_secrets import prepare
from providers import KINDS

EXAMPLES = Path(__file__).parents[2] / "config"


THREE, TWO = 'languages = ["en", "cy", "ar"]', 'languages = ["en", "cy"]'


@dataclass(frozen=True, slots=True)
class Configuration:
    """A folder of settings, read and written as tables."""

    folder: Path

    def table(self, file: str) -> dict[str, Any]:
        """The content of a file."""
        return tomllib.loads((self.folder / file).read_text("utf-8"))

    def write(self, file: str, table: Mapping[str, Any]) -> None:
        """Replaces the content of a file."""
        (self.folder / file).write_text(as_toml(table), "utf-8")

    def change(self, file: str, path: str, value: Any) -> None:
        """Sets one value by its dotted path (numbers are indexes of lists); None removes it."""
        table = self.table(file)
        place: Any = table
        steps: list[Any] = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in steps[:-1]:
            place = place[step] if isinstance(place, list) else place.setdefault(step, {})
        if value is None:
            del place[steps[-1]]
        else:
            place[steps[-1]] = value
        self.write(file, table)

    def load(self, **how: Any) -> Settings | list[Problem]:
        """The settings, or the problems found in them."""
        return load(self.folder, KINDS, **how)

    def settings(self, **how: Any) -> Settings:
        """The settings, which must be valid."""
        found = self.load(**how)
        assert isinstance(found, Settings), "\n".join(map(str, found))
        return found

    def problems(self, **how: Any) -> list[Problem]:
        """The problems, of which there must be at least one."""
        found = self.load(**how)
        assert isinstance(found, list), "nothing is wrong"
        return found


def delivered(to: Path) -> Configuration:
    """A copy of the examples in a folder, as they are delivered, without the keys and secrets that they name."""
    shutil.copytree(EXAMPLES, to / "config")
    return Configuration(to / "config")


def examples(to: Path) -> Configuration:
    """The same in two languages: what tests add and change has no more."""
    made = delivered(to)
    in_two_languages(made.folder)
    return made


def in_two_languages(config: Path) -> None:
    """Takes the third language out of broker.toml. Texts in it stay, and are not used."""
    file = config / "broker.toml"
    text = file.read_text("utf-8")
    if THREE not in text:
        raise ValueError(f"{file} is not in three languages")
    file.write_text(text.replace(THREE, TWO), "utf-8")


def prepared(to: Path) -> Configuration:
    """A copy of the examples with every key and secret, which are generated once for this process."""
    shutil.copytree(_prepared(), to, dirs_exist_ok=True)
    return Configuration(to / "config")


@cache
def _prepared() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="portico-prepared-"))
    atexit.register(shutil.rmtree, folder)
    made = examples(folder)
    prepare(made.settings(prepared=False), real_system().random_bytes)
    return folder


def as_toml(table: Mapping[str, Any]) -> str:
    """A table as a TOML file."""
    return "".join(f"{json.dumps(key, ensure_ascii=False)} = {inline(value)}\n" for key, value in table.items())


def inline(value: Any) -> str:
    """A value as TOML writes it on one line."""
    match value:
        case Mapping():
            pairs = (f"{json.dumps(key, ensure_ascii=False)} = {inline(inner)}" for key, inner in value.items())
            return "{ " + ", ".join(pairs) + " }"
        case list():
            return f"[{', '.join(map(inline, value))}]"
        case date() | time():
            return value.isoformat()
        case _:
            return json.dumps(value, ensure_ascii=False)
