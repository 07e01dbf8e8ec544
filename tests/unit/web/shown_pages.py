"""Pages as they were rendered for the catalogues, and by which route and template."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.routing import Match, Route

from broker.web.shared.pages import PageRenderer

LONG = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh-Cholmondeley-Marjoribanksx"
"""A name of eighty letters without a space."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One page as it was rendered. `name` is that of the entry, `route` the path of the route at its address."""

    name: str
    route: str
    language: str
    html: str


def route_of(routes: Sequence[Route], address: str) -> str:
    """The path of the first route that takes GET of an address; "" if there is none."""
    scope = {"type": "http", "method": "GET", "path": address.partition("?")[0]}
    return next((one.path for one in routes if one.matches(scope)[0] is Match.FULL), "")


def without_entry(routes: Sequence[Route], shown: Sequence[Shown], no_pages: Collection[str]) -> list[str]:
    """The paths with GET of which no page was shown; `no_pages` answer with something else than a page."""
    paths = [one.path for one in routes if "GET" in (one.methods or ())]
    return sorted({*paths} - {*no_pages} - {one.route for one in shown})


class _Recorded(dict[tuple[str, str], Any]):
    """Templates by name and language, which records the names that are asked for."""

    def __init__(self, templates: Mapping[tuple[str, str], Any], used: set[str]) -> None:
        super().__init__(templates)
        self._used = used

    def __getitem__(self, key: tuple[str, str]) -> Any:
        self._used.add(key[0])
        return super().__getitem__(key)


@dataclass(frozen=True, slots=True)
class Recording:
    """A renderer whose pages are recorded by the name of their template."""

    given: PageRenderer
    used: set[str] = field(default_factory=set)

    @property
    def renderer(self) -> PageRenderer:
        """The renderer to use."""
        return replace(self.given, templates=_Recorded(self.given.templates, self.used))

    @property
    def unused(self) -> list[str]:
        """The names of templates that no page used."""
        return sorted({name for name, _ in self.given.templates} - self.used)
