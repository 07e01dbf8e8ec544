"""Builds a Containerfile without a container engine, in empty folders: the same files, the same commands.

Each stage has a folder that serves as its root. Paths that begin with a folder of the image (`ROOMS`) lead
into it, in the file's instructions and in the commands; everything else is this machine's, as it is the base image's in
a container.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOMS = ("/build", "/opt/portico", "/srv/portico", "/var/lib/portico")
KNOWN = {
    *("FROM", "ARG", "COPY", "RUN", "ENV", "WORKDIR", "USER"),
    *("EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"),
}

REACHING = ("pip_", "npm_", "http", "ssl", "node_extra_ca")
"""How the variables begin by which a machine says how packages are reached from it."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a Containerfile, with its arguments as one text."""

    name: str
    text: str


@dataclass(slots=True)
class Stage:
    """A stage: the image it begins with, what it does, and, once it was followed, its root."""

    base: str
    name: str | None
    instructions: list[Instruction] = field(default_factory=list)
    root: Path | None = None

    def all(self, name: str) -> list[str]:
        """The arguments of every instruction of this name."""
        return [each.text for each in self.instructions if each.name == name]

    def words(self, name: str) -> list[str]:
        """The last instruction of this name, written as a JSON list."""
        words: list[str] = json.loads(self.all(name)[-1])
        return words

    @property
    def environment(self) -> dict[str, str]:
        """What ENV sets, with paths as the image writes them."""
        return dict(text.split("=", 1) for text in self.all("ENV"))

    def inside(self, path: str) -> Path:
        """Real location of an absolute path of the stage."""
        assert self.root is not None
        return self.root / path.lstrip("/")

    def translated(self, text: str) -> str:
        """A text in which the image's folders are those under the stage's root."""
        rooms = "|".join(map(re.escape, ROOMS))
        return re.sub(rf"(?<![\w./-])({rooms})(?=[/:\s\"']|$)", lambda found: str(self.inside(found[1])), text)


def stages(containerfile: Path) -> list[Stage]:
    """Every stage of a Containerfile; fails at an unknown instruction."""
    found: list[Stage] = []
    arguments: dict[str, str] = {}
    for line in lines(containerfile.read_text()):
        name, _, text = line.partition(" ")
        assert name in KNOWN, f"{name} cannot be followed here"
        if name == "ARG":
            key, _, value = text.partition("=")
            arguments[key] = value
        elif name == "FROM":
            for key, value in arguments.items():
                text = text.replace(f"${{{key}}}", value)
            base, _, alias = text.partition(" AS ")
            found.append(Stage(base, alias or None))
        else:
            found[-1].instructions.append(Instruction(name, text.strip()))
    return found


def lines(text: str) -> Iterator[str]:
    """Instructions, one a line, without comments."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return (line.strip() for line in joined.splitlines() if line.strip() and not line.startswith("#"))


def follow(found: list[Stage], context: Path, folder: Path, programs: Mapping[str, Path]) -> Stage:
    """Follows every stage inside `folder`; gives the last. `programs` are those that base images bring along."""
    own = folder / "base" / "bin"
    own.mkdir(parents=True, exist_ok=True)
    for name, program in programs.items():
        if program != own / name:
            (own / name).symlink_to(program)
    named: dict[str, Stage] = {}
    for number, stage in enumerate(found):
        stage.root = folder / f"stage-{number}"
        stage.root.mkdir()
        here = "/"
        for each in stage.instructions:
            if each.name == "WORKDIR":
                here = each.text
                stage.inside(here).mkdir(parents=True, exist_ok=True)
            elif each.name == "COPY":
                copy(stage, each.text, here, context, named)
            elif each.name == "RUN":
                run(stage, each.text, here, own)
        if stage.name:
            named[stage.name] = stage
    return found[-1]


def copy(stage: Stage, text: str, here: str, context: Path, named: Mapping[str, Stage]) -> None:
    """COPY: files to a folder, or the content of a folder to a folder."""
    words = shlex.split(text)
    options = {word.partition("=")[0]: word.partition("=")[2] for word in words if word.startswith("--")}
    *sources, target = [word for word in words if not word.startswith("--")]
    into = stage.inside(os.path.normpath(os.path.join(here, target)))
    for source in sources:
        place = named[options["--from"]].inside(source) if "--from" in options else context / source
        if place.is_dir():
            ignored = shutil.ignore_patterns(
                "__pycache__", "node_modules", *(() if "--from" in options else ("built",))
            )
            shutil.copytree(place, into, symlinks=True, dirs_exist_ok=True, ignore=ignored)
        else:
            to = into / place.name if target.endswith("/") or len(sources) > 1 else into
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(place, to)


def run(stage: Stage, text: str, here: str, programs: Path) -> None:
    """RUN: the command, in the stage's working folder, with the base image's programs first."""
    path = f"{programs}{os.pathsep}/usr/local/bin{os.pathsep}/usr/bin{os.pathsep}/bin"
    keep = {name: value for name, value in os.environ.items() if name.lower().startswith(REACHING)}
    done = subprocess.run(
        ["/bin/sh", "-c", stage.translated(text)],
        cwd=stage.inside(here),
        env={"PATH": path, "HOME": os.environ.get("HOME", "/"), **keep},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"RUN {text}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def base_programs(folder: Path) -> dict[str, Path]:
    """What the base images have, as this machine has it: Python of the version that runs the tests, Node.js, npm.

    A Python in a home folder that other users cannot read is copied into `folder` first.
    """
    environment, prefix = Path(sys.prefix) / "bin", Path(sys.base_prefix)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = prefix / "bin" / version
    if not all(each.stat().st_mode & 0o001 for each in (prefix, *prefix.parents)):
        own = folder / "base"
        unneeded = shutil.ignore_patterns("site-packages", "test", "tests", "__pycache__", "config-*", "*.a")
        shutil.copytree(prefix / "lib", own / "lib", symlinks=True, ignore=unneeded)
        (own / "bin").mkdir()
        python = Path(shutil.copy2(python, own / "bin" / "python"))
    programs = {"node": environment / "node", "npm": environment / "npm"}
    return {"python": python, **{name: path.resolve() for name, path in programs.items()}}
