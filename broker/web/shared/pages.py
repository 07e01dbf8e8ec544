"""Page templates in two passes: everything that is the same for all requests is rendered once, at start.

The first pass, at start and for each language, expands the components of govuk-frontend and inserts the translated
texts; it uses Jinja's own delimiters, `{{ }}` and `{% %}`. Its output is a flat page with placeholders in the
delimiters `[[ ]]` and `[% %]`, which is compiled. The second pass, at each request, only fills the placeholders.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, is_dataclass
from functools import partial
from pathlib import Path
from types import CodeType
from typing import Final

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
    UndefinedError,
)
from jinja2.bccache import Bucket
from jinja2.utils import missing
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
    """One page: its name, the template file, and the template's variables in the first pass.

    Several pages may share a template file: all failures do.
    """

    name: str
    template: str
    context: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageRenderer:
    """Every page in every language. Built by `page_renderer`."""

    languages: Mapping[str, Language]
    site: SiteInfo
    templates: Mapping[tuple[str, str], Template]

    def page(self, name: str, language: str, holes: Mapping[str, object]) -> str:
        """Renders a page as HTML. Values are escaped unless they are Markup; a missing one raises UndefinedError."""
        return self.templates[name, language].render(holes)

    def language(self, *wanted: str | None) -> Language:
        """The first of the wanted languages that is offered, else the site's first."""
        for tag in wanted:
            if tag is not None and (code := lookup(tag, self.languages)) is not None:
                return self.languages[code]
        return self.languages[self.site.languages[0]]


class _CompiledOnDemand(dict[tuple[str, str], Template]):
    """The pages by name and language, each compiled when it is first asked for. Raises KeyError for an unknown one."""

    def __init__(self, makers: Mapping[tuple[str, str], Callable[[], Template]]) -> None:
        super().__init__()
        self._makers = makers

    def __missing__(self, key: tuple[str, str]) -> Template:
        self[key] = made = self._makers[key]()
        return made


def page_renderer(
    languages: Mapping[str, Language],
    site: SiteInfo,
    sheets: Iterable[PageTemplate],
    files: Statics,
    *,
    on_demand: bool = False,
) -> PageRenderer:
    """Expands and compiles every page in every language. `files` are the assets that pages refer to.

    Raises Jinja's TemplateError for a wrong template: the broker does not start with a page it cannot render. With
    `on_demand`, for development, each page is compiled when it is first asked for, and a start takes half the time.
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
    flat.globals.clear()  # pages use no globals, and Jinja would copy them at every rendering
    makers: dict[tuple[str, str], Callable[[], Template]] = {}
    wanted = tuple(sheets)
    for code, language in languages.items():
        expand = _expander(language, languages, site, files)
        for template in wanted:
            makers[template.name, code] = partial(_page, flat, expand, template)
    if on_demand:
        return PageRenderer(languages, site, _CompiledOnDemand(makers))
    return PageRenderer(languages, site, {key: make() for key, make in makers.items()})


def _page(flat: Environment, expand: Callable[[PageTemplate], str], template: PageTemplate) -> Template:
    return _compiled(flat, expand(template))


def _compiled(environment: Environment, source: str) -> Template:
    """Compiles a page of the second pass, or takes its code from the cache."""
    key = hashlib.sha256(source.encode()).digest()
    if key not in _PAGE_CODES:
        _PAGE_CODES[key] = environment.compile(source)
    return Template.from_code(environment, _PAGE_CODES[key], environment.globals)


def placeholder(name: str) -> Markup:
    """A placeholder of the second pass, as the argument of a text."""
    return Markup(f"[[ {name} ]]")


def bdi(name: str) -> Markup:
    """A placeholder for a name, isolated so that a name in another script does not reorder the text (UAX 9)."""
    return Markup(f"<bdi>[[ {name} ]]</bdi>")


def in_language(texts: Mapping[str, str], code: str) -> str:
    """A configured text in a language, else in the first configured one; "" if there is none."""
    return found(texts, code) or next(iter(texts.values()), "")


class _MissingOption(ChainableUndefined):
    """An undefined value of the first pass: empty if it is an option of a component that was not given.

    Raises UndefinedError if it is an attribute of a record of ours: the template uses a name that does not exist.
    """

    def __init__(
        self,
        hint: str | None = None,
        obj: object = missing,
        name: str | None = None,
        exc: type[UndefinedError] = UndefinedError,
    ) -> None:
        super().__init__(hint, obj, name, exc)
        if is_dataclass(obj):
            raise UndefinedError(f"{type(obj).__name__} has no attribute {name}")


class _SharedCode(BytecodeCache):
    """Bytecode cache in memory for the first pass: all languages and applications expand the same template files."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Called by Jinja before it compiles a template."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Called by Jinja after it compiled a template."""
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code


_EXPANDED: Final = _SharedCode()
_PAGE_CODES: Final[dict[bytes, CodeType]] = {}
"""Code of the second pass by the SHA-256 of its source.

Both caches live as long as the process. A worker inherits them from the supervisor that it is forked from.
"""


def _expander(
    language: Language, languages: Mapping[str, Language], site: SiteInfo, files: Statics
) -> Callable[[PageTemplate], str]:
    components = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(TEMPLATES), components]),
        autoescape=True,
        undefined=_MissingOption,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_EXPANDED,
    )
    environment.globals.update(
        _=language.markup,
        hole=placeholder,
        named=bdi,
        language=language,
        others=[other for other in languages.values() if other is not language],
        site=site,
        name=in_language(site.name, language.code),
        support=in_language(site.support.text, language.code),
        files=files,
    )

    def expand(template: PageTemplate) -> str:
        return _LINE_END.sub("\n", environment.get_template(template.template).render(template.context))

    return expand
