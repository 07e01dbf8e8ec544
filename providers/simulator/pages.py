"""The simulator's pages: plain HTML without script."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from urllib.parse import urlsplit

from providers.simulator.outcomes import OK, OUTCOMES, Group, SimulatedOutcome
from providers.simulator.requests import Request
from providers.simulator.state import RememberedSession, SimulatedIssuer

WARNING = "This is a simulator. Nobody here is real, and no password is asked for."


def layout(title: str, heading: str, motto: str, style: str, body: str) -> str:
    """A whole page; `body` is HTML, everything else is text."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="stylesheet" href="{escape(style)}">
</head>
<body>
<header>
<div class="brand"><p><strong>{escape(heading)}</strong> <span>{escape(motto)}</span></p></div>
<p class="note">{WARNING}</p>
</header>
<main>
{body}
</main>
</body>
</html>
"""


def sign_in_page(house: SimulatedIssuer, request: Request, query: str, known: RememberedSession | None = None) -> str:
    """Who are you, and what shall happen? `query` is the request as it came, which travels along in the form.

    `known` is signed in here already, and goes on with one press.
    """
    again = "" if known is None else _again(house, query, known)
    people = radios("persona", [(one.id, one.title) for one in house.issuer.personas], house.issuer.personas[0].id)
    body = f"""<h1>Sign in to {escape(house.issuer.title)}</h1>
<form method="post" action="{escape(house.url)}/sign-in">
<dl>
<dt>Asked by</dt><dd>{escape(urlsplit(request.redirect_uri).netloc)}, {escape(request.client.client_id)}</dd>
<dt>Level</dt><dd>{escape(" or ".join(request.acr_values) or "none in particular")}</dd>
<dt>Details</dt><dd>{escape(", ".join(request.scope))}</dd>
</dl>
<input type="hidden" name="request" value="{escape(query)}">
<fieldset><legend>Who are you?</legend>
{people}
</fieldset>
<fieldset><legend>What shall happen?</legend>
{radios("outcome", [(OK.name, OK.label)], OK.name)}
{folded(Group.HONEST)}
{folded(Group.CROOKED)}
</fieldset>
<button>Continue</button>
</form>
{again}"""
    return house_page(house, f"Sign in - {house.issuer.title}", body)


def _again(house: SimulatedIssuer, query: str, known: RememberedSession) -> str:
    return f"""<form method="post" action="{escape(house.url)}/sign-in">
<h2>You are signed in already</h2>
<input type="hidden" name="request" value="{escape(query)}">
<input type="hidden" name="again" value="yes">
<button>Continue as {escape(known.persona.title)}</button>
</form>"""


def sign_out_page(house: SimulatedIssuer, given: Mapping[str, str]) -> str:
    """Do you want to sign out? What was given travels along in the form."""
    fields = "\n".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in given.items()
    )
    body = f"""<h1>Sign out of {escape(house.issuer.title)}?</h1>
<form method="post" action="{escape(house.url)}/logout">
{fields}
<input type="hidden" name="agreed" value="yes">
<button>Sign out</button>
</form>"""
    return house_page(house, f"Sign out - {house.issuer.title}", body)


def folded(group: Group) -> str:
    """The outcomes of a group, folded away."""
    found: Sequence[SimulatedOutcome] = [outcome for outcome in OUTCOMES.values() if outcome.group is group]
    inner = radios("outcome", [(outcome.name, outcome.label) for outcome in found], None)
    return f"<details><summary>{escape(group.value)}</summary><div>\n{inner}\n</div></details>"


def radios(name: str, choices: Iterable[tuple[str, str]], chosen: str | None) -> str:
    """Radio buttons of one name."""
    return "\n".join(
        f'<label><input type="radio" name="{escape(name)}" value="{escape(value)}"'
        f"{' checked' if value == chosen else ''}>{escape(text)}</label>"
        for value, text in choices
    )


def message_page(house: SimulatedIssuer, heading: str, text: str) -> str:
    """A page that says one thing."""
    body = f"<h1>{escape(heading)}</h1>\n<article><p>{escape(text)}</p></article>"
    return house_page(house, f"{heading} - {house.issuer.title}", body)


def house_page(house: SimulatedIssuer, title: str, body: str) -> str:
    """A page in an issuer's own dress."""
    return layout(title, house.issuer.title, house.issuer.motto, f"{house.url}/style.css", body)


def home_page(houses: Sequence[SimulatedIssuer], base: str) -> str:
    """All issuers, and a switch for each that puts it out of order."""
    parts = ["<h1>Identity providers for trying things out</h1>"]
    for house in houses:
        state = "Out of order: every request gets status 503." if house.memory.out_of_order else "In order."
        button = "Put it in order" if house.memory.out_of_order else "Put it out of order"
        parts.append(
            f'<form method="post" action="{escape(house.url)}/order">\n<h2>{escape(house.issuer.title)}</h2>\n'
            f"<p>{escape(state)}</p>\n<dl><dt>Issuer</dt><dd><code>{escape(house.url)}</code></dd>"
            f"<dt>Levels</dt><dd>{escape(', '.join(house.issuer.levels))}</dd>"
            f"<dt>People</dt><dd>{escape('; '.join(one.title for one in house.issuer.personas))}</dd></dl>\n"
            f"<button>{escape(button)}</button>\n</form>"
        )
    parts.append(
        "<article><p>For automation: <code>login_hint=outcome:cancelled</code> or "
        "<code>login_hint=outcome:ok;persona:ioan</code> answers at once, without a page.</p></article>"
    )
    return layout(
        "Simulated identity providers", "Simulated identity providers", base, f"{base}/style.css", "".join(parts)
    )
