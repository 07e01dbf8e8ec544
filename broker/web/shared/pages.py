"""The pages' machinery: everything that is the same for all citizens is worked out once, at start.

A template is read twice. The first reading, at start, once a language, expands the components of govuk-frontend and
puts in the texts; it uses Jinja's own marks, `{{ }}` and `{% %}`. What it leaves is a flat page with holes, marked
`[[ ]]` and `[% %]`, and that is compiled. A request only fills the holes.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType

from jinja2 import (
    BytecodeCache,
    ChainableUndefined,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    Template,
)
from jinja2.bccache import Bucket
from markupsafe import Markup

from broker.model.languages import in_language as found
from broker.model.languages import lookup
from broker.web.shared.i18n import Language
from broker.web.shared.site_info import SiteInfo
from broker.web.shared.static_files import Statics

TEMPLATES = Path(__file__).parents[1] / "templates"
_LINE_END = re.compile(r"\s*\n\s*")


@dataclass(frozen=True, slots=True)
class PageTemplate:
    """One page: its name, the template it is made from, and what that template is given at start.

    Several sheets may share a template: all failures do.
    """

    name: str
    template: str
    context: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageRenderer:
    """Every page in every language, compiled. Made by `pages`."""

    languages: Mapping[str, Language]
    site: SiteInfo
    templates: Mapping[tuple[str, str], Template]

    def page(self, name: str, language: str, holes: Mapping[str, object]) -> str:
        """A page as HTML. What fills a hole is escaped unless it is Markup; a hole left open is an error."""
        return self.templates[name, language].render(holes)

    def language(self, *wanted: str | None) -> Language:
        """The first wanted language that there is, or else the site's first."""
        for tag in wanted:
            if tag is not None and (code := lookup(tag, self.languages)) is not None:
                return self.languages[code]
        return self.languages[self.site.languages[0]]


def page_renderer(
    languages: Mapping[str, Language], site: SiteInfo, sheets: Iterable[PageTemplate], files: Statics
) -> PageRenderer:
    """Expands and compiles every sheet in every language. `files` are what the pages refer to.

    Raises what Jinja raises for a template that is wrong: the broker does not start with a page it cannot show.
    """
    flat = Environment(
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    flat.globals.clear()  # a page is filled with its holes alone; Jinja copies its own names for every page it writes
    wanted, compiled = tuple(sheets), _Compiled()
    ready: dict[tuple[str, str], Template] = {}
    for code, language in languages.items():
        expand = _expander(language, languages, site, files, compiled)
        for sheet in wanted:
            ready[sheet.name, code] = flat.from_string(expand(sheet))
    return PageRenderer(languages, site, ready)


def placeholder(name: str) -> Markup:
    """A hole, for a text to take in: the request fills it."""
    return Markup(f"[[ {name} ]]")


def bdi(name: str) -> Markup:
    """A hole for the name of something, set apart so that a name in another script does not turn the text around."""
    return Markup(f"<bdi>[[ {name} ]]</bdi>")


def in_language(texts: Mapping[str, str], code: str) -> str:
    """A configured text in a language, or in the first one it was written in; "" if there is none."""
    return found(texts, code) or next(iter(texts.values()), "")


class _Compiled(BytecodeCache):
    """What the first language compiled: the same templates are expanded once more for each of the others."""

    def __init__(self) -> None:
        self._codes: dict[str, CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Called by Jinja before it compiles."""
        bucket.code = self._codes.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Called by Jinja after it compiled."""
        if bucket.code is not None:
            self._codes[bucket.key] = bucket.code


def _expander(
    language: Language, all: Mapping[str, Language], site: SiteInfo, files: Statics, compiled: BytecodeCache
) -> Callable[[PageTemplate], str]:
    components = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(TEMPLATES), components]),
        autoescape=True,
        undefined=ChainableUndefined,  # the components ask for options that were not given
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=compiled,
    )
    environment.globals.update(
        _=language.markup,
        hole=placeholder,
        named=bdi,
        language=language,
        others=[other for other in all.values() if other is not language],
        site=site,
        name=in_language(site.name, language.code),
        support=in_language(site.support, language.code),
        files=files,
    )

    def expand(sheet: PageTemplate) -> str:
        return _LINE_END.sub("\n", environment.get_template(sheet.template).render(sheet.context))

    return expand
