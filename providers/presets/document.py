"""Generator of docs/providers.md: what an operator writes and registers, and every fact with its source and day."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from providers.presets import LIVE, preset_environments, preset_names, preset_table
from providers.presets.fact_files import Fact, FactStatus, ProviderFacts, facts, facts_names
from providers.presets.topics import TOPICS

WITH_SECRET: Final = frozenset({"client_secret_basic", "client_secret_post"})


def providers_document() -> str:
    """The reference of all providers as Markdown, without a closing line break."""
    return "\n".join(_sections()).rstrip("\n")


def operator_file(name: str, environment: str = LIVE) -> str:
    """The least that an operator's file says for a preset, as TOML."""
    openid = preset_table(name, environment)["openid"]
    lines = ['kind = "openid"', f'preset = "{name}"']
    if environment != LIVE:
        lines.append(f'preset_environment = "{environment}"')
    lines += ["", "[openid]"]
    if "issuer" not in openid:
        lines.append(f'issuer = "{facts(name).value("issuer", {}).get("example", "https://provider.example")}"')
    lines.append('client_id = "..."')
    method = openid.get("authentication", "private_key_jwt")
    if method in WITH_SECRET:
        lines.append(f'secret_file = "../../secrets/{name}"')
    elif method == "private_key_jwt":
        lines.append(f'key_file = "../../secrets/{name}.pem"')
    if any(_is_encrypted(openid.get(document)) for document in ("id_token", "userinfo_response")):
        lines.append(f'encryption_key_files = ["../../secrets/{name}-enc.pem"]')
    dpop = openid.get("dpop", {})
    if "algorithm" in dpop and dpop["algorithm"] != "ES256":
        lines += ["", "[openid.dpop]", f'key_file = "../../secrets/{name}-dpop.pem"']
    return "\n".join(lines)


def _is_encrypted(table: object) -> bool:
    """Whether the settings of a document say that it comes encrypted."""
    return isinstance(table, Mapping) and table.get("form") in ("nested", "encrypted")


def _sections() -> Iterator[str]:
    known = preset_names()
    for name in facts_names():
        about = facts(name)
        yield f"## {about.title}"
        yield ""
        yield _lead(name, about, exists=name in known)
        yield ""
        if name in known:
            yield "```toml"
            yield operator_file(name)
            yield "```"
            yield ""
        yield from _table(about)
        yield from _sources(about)


def _lead(name: str, about: ProviderFacts, *, exists: bool) -> str:
    unsure = sum(fact.status is FactStatus.UNCONFIRMED for fact in about.facts)
    family = [one for one in preset_names() if one.startswith(f"{name}-") and facts(one).base == name]
    which = f"Preset `{name}`" if exists else f"No preset yet (`{name}`)"
    if family:
        which = f"The family of {', '.join(f'`{one}`' for one in family)}"
    places = f", environments {', '.join(f'`{one}`' for one in preset_environments(name))}" if exists else ""
    card = preset_table(name) if exists else {}
    said = [f"{which}{places}.", f"Facts: {len(about.facts)}, unconfirmed: {unsure}."]
    if "operator" in card:
        said.append(f"Run by: {card['operator']['en']}.".replace("..", "."))
    if "page" in card:
        said.append(f"For citizens: <{card['page']}>.")
        said.append(f"Both, and what citizens need: {about.card}.")
    return " ".join(said)


def _table(about: ProviderFacts) -> Iterator[str]:
    yield "| about | fact | source | status |"
    yield "|---|---|---|---|"
    for topic, title in TOPICS.items():
        for fact in about.facts:
            if fact.about == topic:
                yield f"| {title} | {_text(fact)} | {_place(fact, about)} | {fact.status} |"
    yield ""


def _sources(about: ProviderFacts) -> Iterator[str]:
    for key, source in about.sources.items():
        if source.url.startswith("https://"):
            yield f"- `{key}`: <{source.url}>, {source.edition}, read on {source.read}"
    yield ""


def _text(fact: Fact) -> str:
    said = fact.value if isinstance(fact.value, str) and " " in fact.value else _shown(fact.value)
    return _cell(" ".join(part for part in (said, f"({fact.note})" if fact.note else "") if part))


def _shown(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list() if not value:
            return "none"
        case list():
            return ", ".join(map(_shown, value))
        case Mapping():
            return "; ".join(f"{key}: {_shown(inner)}" for key, inner in value.items())
        case _:
            return f"`{value}`"


def _place(fact: Fact, about: ProviderFacts) -> str:
    """The source, the page in it, and the day of reading if it is not that of the source."""
    day = f"{fact.read}" if fact.read != about.sources[fact.source].read else ""
    return _cell(", ".join(part for part in (fact.source, fact.page, day) if part))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
