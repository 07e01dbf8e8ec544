"""Command lines that the documents show are accepted by the broker's command line and by make."""

import argparse
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from broker.cli.main import command_line
from tests.documents.markdown import CURRENT, ROOT, fences, name, spans, text

BROKER = re.compile(r"^(?:[A-Z_]+=\S+ )*(?:(?:\.venv/bin/)?python -m broker|portico) (?P<rest>[a-z].*)$")
MAKE = re.compile(r"^(?:[A-Z_]+=\S+ )*make (?P<rest>[a-z-].*)$")
PAGES = pytest.mark.parametrize("page", CURRENT, ids=name)


def shown(page: Path) -> Iterator[str]:
    """Every line that might be a command: code spans, and the lines of shell blocks without their comments."""
    yield from spans(page)
    for fence in fences(page):
        if fence.language in ("sh", "bash", "shell", "console"):
            yield from (line.partition(" # ")[0].strip() for line in fence.text.splitlines())


def spelled_out(line: str) -> Iterator[list[str]]:
    """Expands one command line: `a|b` is an alternative, DIR and the like are placeholders."""
    words = shlex.split(line)
    for position, word in enumerate(words):
        if "|" in word and not word.startswith("-"):
            for choice in word.split("|"):
                yield from spelled_out(shlex.join([*words[:position], choice, *words[position + 1 :]]))
            return
    yield words


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers below a parser, by name; empty if it takes no subcommand."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


@cache
def parsers() -> argparse.ArgumentParser:
    """The broker's command line, which takes 20 ms to build."""
    return command_line()


def is_command(words: list[str]) -> bool:
    """Whether the words name a command or a group of commands."""
    parser = parsers()
    for word in words:
        if word not in (below := subcommands(parser)):
            return False
        parser = below[word]
    return True


@PAGES
def test_every_command_of_the_broker_that_a_page_shows_is_accepted(page: Path) -> None:
    for line in shown(page):
        if (found := BROKER.match(line)) is None:
            continue
        for words in spelled_out(found["rest"]):
            if not is_command(words):
                try:
                    parsers().parse_args(words)
                except SystemExit:
                    pytest.fail(f"the command line refuses: portico {shlex.join(words)}")


@PAGES
def test_the_command_is_called_portico(page: Path) -> None:
    commands = "|".join(subcommands(parsers()))
    assert not re.findall(rf"(?<!-m )\bbroker (?:{commands})\b", text(page))


@PAGES
def test_every_target_of_make_that_a_page_shows_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for line in shown(page):
        if (found := MAKE.match(line)) is not None:
            asked = {word for word in found["rest"].split() if "=" not in word}
            assert asked <= targets, line


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert is_command(["keys", "init"])
    assert not is_command(["keys", "initiate"])
    assert list(spelled_out("a|b disable ID")) == [["a", "disable", "ID"], ["b", "disable", "ID"]]
