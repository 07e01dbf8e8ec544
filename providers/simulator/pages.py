"""Pages of the simulator: HTML without script."""

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


def sign_in_page(
    simulated: SimulatedIssuer, request: Request, query: str, known: RememberedSession | None = None
) -> str:
    """Sign-in page: choice of persona and outcome. `query` is the authorization request, a hidden field of the form.

    `known` has a session already and can continue with one button.
    """
    again = "" if known is None else _again(simulated, query, known)
    people = radios(
        "persona", [(one.id, one.title) for one in simulated.issuer.personas], simulated.issuer.personas[0].id
    )
    body = f"""<h1>Sign in to {escape(simulated.issuer.title)}</h1>
<form method="post" action="{escape(simulated.url)}/sign-in">
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
    return issuer_page(simulated, f"Sign in - {simulated.issuer.title}", body)


def _again(simulated: SimulatedIssuer, query: str, known: RememberedSession) -> str:
    return f"""<form method="post" action="{escape(simulated.url)}/sign-in">
<h2>You are signed in already</h2>
<input type="hidden" name="request" value="{escape(query)}">
<input type="hidden" name="again" value="yes">
<button>Continue as {escape(known.persona.title)}</button>
</form>"""


def sign_out_page(simulated: SimulatedIssuer, given: Mapping[str, str]) -> str:
    """Logout confirmation. The parameters of the request are hidden fields of the form."""
    fields = "\n".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in given.items()
    )
    body = f"""<h1>Sign out of {escape(simulated.issuer.title)}?</h1>
<form method="post" action="{escape(simulated.url)}/logout">
{fields}
<input type="hidden" name="agreed" value="yes">
<button>Sign out</button>
</form>"""
    return issuer_page(simulated, f"Sign out - {simulated.issuer.title}", body)


def folded(group: Group) -> str:
    """The outcomes of a group, collapsed."""
    found: Sequence[SimulatedOutcome] = [outcome for outcome in OUTCOMES.values() if outcome.group is group]
    inner = radios("outcome", [(outcome.name, outcome.label) for outcome in found], None)
    return f"<details><summary>{escape(group.value)}</summary><div>\n{inner}\n</div></details>"


def radios(name: str, choices: Iterable[tuple[str, str]], chosen: str | None) -> str:
    """Radio buttons with one name."""
    return "\n".join(
        f'<label><input type="radio" name="{escape(name)}" value="{escape(value)}"'
        f"{' checked' if value == chosen else ''}>{escape(text)}</label>"
        for value, text in choices
    )


def message_page(simulated: SimulatedIssuer, heading: str, text: str) -> str:
    """A page with one message."""
    body = f"<h1>{escape(heading)}</h1>\n<article><p>{escape(text)}</p></article>"
    return issuer_page(simulated, f"{heading} - {simulated.issuer.title}", body)


def issuer_page(simulated: SimulatedIssuer, title: str, body: str) -> str:
    """A page in an issuer's design."""
    return layout(title, simulated.issuer.title, simulated.issuer.motto, f"{simulated.url}/style.css", body)


def home_page(simulated_issuers: Sequence[SimulatedIssuer], base: str) -> str:
    """All issuers, each with a switch for an outage."""
    parts = ["<h1>Identity providers for trying things out</h1>"]
    for simulated in simulated_issuers:
        state = "Out of order: every request gets status 503." if simulated.memory.out_of_order else "In order."
        button = "Put it in order" if simulated.memory.out_of_order else "Put it out of order"
        parts.append(
            f'<form method="post" action="{escape(simulated.url)}/order">\n<h2>{escape(simulated.issuer.title)}</h2>\n'
            f"<p>{escape(state)}</p>\n<dl><dt>Issuer</dt><dd><code>{escape(simulated.url)}</code></dd>"
            f"<dt>Levels</dt><dd>{escape(', '.join(simulated.issuer.levels))}</dd>"
            f"<dt>People</dt><dd>{escape('; '.join(one.title for one in simulated.issuer.personas))}</dd></dl>\n"
            f"<button>{escape(button)}</button>\n</form>"
        )
    parts.append(
        "<article><p>For automation: <code>login_hint=outcome:cancelled</code> or "
        "<code>login_hint=outcome:ok;persona:ioan</code> answers at once, without a page.</p></article>"
    )
    return layout(
        "Simulated identity providers", "Simulated identity providers", base, f"{base}/style.css", "".join(parts)
    )
