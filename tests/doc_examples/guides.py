"""The guides for services as what they are: files to be cut out and used, so that none can grow wrong unseen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "for-services"
ISSUER, BASE = "http://localhost:8000", "http://localhost:9000"
"""Where the broker and the reader's own service stand in every guide."""

FENCED = re.compile(r"^```(?P<language>\w+) (?P<file>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
REGISTRATION = "config/"


@dataclass(frozen=True, slots=True)
class Guide:
    """One guide: its files by the path that follows the language of their fence."""

    name: str
    files: Mapping[str, str]

    @property
    def registrations(self) -> Mapping[str, str]:
        """Its files for the broker, by their path in the folder of the configuration."""
        return {
            path.removeprefix(REGISTRATION): text for path, text in self.files.items() if path.startswith(REGISTRATION)
        }

    def cut_out(self, folder: Path, issuer: str, base: str) -> None:
        """Writes its other files to a folder, with the addresses of this broker and this service."""
        for path, text in self.files.items():
            if not path.startswith(REGISTRATION):
                file = folder / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(elsewhere(text, issuer, base), "utf-8")


def elsewhere(text: str, issuer: str, base: str) -> str:
    """A text of a guide with other addresses in place of those that every guide has."""
    return text.replace(ISSUER, issuer).replace(BASE, base)


def guide(name: str) -> Guide:
    """The guide in the file of this name, without its ending."""
    text = (GUIDES / f"{name}.md").read_text("utf-8")
    return Guide(name, {found["file"]: found["text"] for found in FENCED.finditer(text)})


def every_guide() -> list[Guide]:
    """Those that have files."""
    found = (guide(path.stem) for path in sorted(GUIDES.glob("*.md")))
    return [each for each in found if each.files]
