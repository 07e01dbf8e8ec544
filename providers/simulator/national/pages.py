"""Pages of the simulated national providers: HTML without script."""

from collections.abc import Sequence
from html import escape
from urllib.parse import parse_qs

from providers.simulator.national.dialect import Dialect
from providers.simulator.national.people import PEOPLE
from providers.simulator.national.script import OUTCOMES
from providers.simulator.pages import layout, radios


def sign_in_page(dialect: Dialect, query: str) -> str:
    """Choice of a person, of the provider's own errors, and of faults. `query` is the authorization request."""
    client = parse_qs(query).get("client_id", [""])[0]
    own = [(error, error) for error in dialect.table("response.errors")]
    faults = [(name, label) for name, label in OUTCOMES.items() if name != "ok"]
    body = f"""<h1>Sign in to {escape(dialect.facts.title)}</h1>
<form method="post" action="/_sign-in/{escape(dialect.name)}">
<dl>
<dt>Asked by</dt><dd>{escape(client)}</dd>
</dl>
<input type="hidden" name="request" value="{escape(query)}">
<fieldset><legend>Who are you?</legend>
{radios("person", [(person.id, person.title) for person in PEOPLE], PEOPLE[0].id)}
</fieldset>
<fieldset><legend>What shall happen?</legend>
{radios("outcome", [("ok", OUTCOMES["ok"])], "ok")}
{_folded("It fails, and the provider says so", radios("error", own, None))}
{_folded("The provider misbehaves", radios("outcome", faults, None))}
</fieldset>
<button>Continue</button>
</form>"""
    return _page(dialect.facts.title, body)


def signed_out_page(dialect: Dialect, frames: Sequence[str], back: str) -> str:
    """The page after a logout, with the frames of clients, and the way back to the one that began."""
    shown = "".join(f'<iframe title="{escape(url)}" src="{escape(url)}"></iframe>' for url in frames)
    body = f'<h1>You are signed out</h1>{shown}<p><a id="back" href="{escape(back)}">Continue</a></p>'
    return _page(dialect.facts.title, body)


def national_home(providers: Sequence[tuple[Dialect, Sequence[str]]], base: str) -> str:
    """All providers that are played, and how to use them."""
    rows = "".join(
        f"<h2>{escape(one.facts.title)}</h2><dl><dt>Issuer</dt><dd><code>{escape(one.issuer)}</code></dd>"
        f"<dt>Script</dt><dd><code>POST {escape(base)}/_script/{escape(one.name)}</code></dd>"
        f"<dt>Log</dt><dd><code>GET {escape(base)}/_log/{escape(one.name)}</code></dd></dl>"
        + "".join(f'<p><a href="{escape(url)}">Begin a sign-in at the client</a></p>' for url in begins)
        for one, begins in providers
    )
    return _page("Simulated national providers", f"<h1>Simulated national providers</h1>{rows}")


def _folded(title: str, inner: str) -> str:
    return f"<details><summary>{escape(title)}</summary><div>\n{inner}\n</div></details>"


def _page(title: str, body: str) -> str:
    return layout(title, title, "played by the simulator", "/style.css", body)
