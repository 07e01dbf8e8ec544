"""Link page of a transaction: both proved identities before they are linked, or why they cannot be linked."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from broker.account.links import LinkRefusal
from broker.actions.views import LinkView, ProvedWay
from broker.model.identity import HELP
from broker.provider import ProviderInfo
from broker.web.citizens.claim_labels import lines
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.page_context import PageContext
from broker.web.shared.i18n import Language
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

REFUSALS: Mapping[LinkRefusal, tuple[str, str]] = MappingProxyType(
    {
        LinkRefusal.NOT_FRESH: (
            marked("Your first sign-in was too long ago"),
            marked("To be sure that it is you, both sign-ins have to be recent. Please start once more."),
        ),
        LinkRefusal.TOO_WEAK: (
            marked("Please use your strongest way first"),
            marked(
                "One of your ways proves who you are more strongly than the one you used first. To protect what it "
                "opens, start with that one."
            ),
        ),
        LinkRefusal.SAME_WAY: (
            marked("You have this way already"),
            marked("You signed in with a way that leads to your account already. Nothing has to be changed."),
        ),
        LinkRefusal.ANOTHER_PERSON: (
            marked("These seem to be two people"),
            marked(
                "The two ways have different dates of birth, so we do not join them. If both are yours, ask the "
                "organisation whose date is wrong to correct it."
            ),
        ),
        LinkRefusal.KNOWN_TWICE: (
            marked("A service knows you by both ways"),
            marked(
                "You used both ways there, and it sees two people. If we joined the ways, it would lose one of them. "
                "So both stay as they are. Ask the service to put your two records together."
            ),
        ),
        LinkRefusal.SIGNED_OUT: (
            marked("You are no longer signed in"),
            marked("Your first sign-in has ended, or somebody else has signed in here since. Please start once more."),
        ),
    }
)
"""Title and explanation of the page that refuses to link two ways."""

SHEETS = (
    PageTemplate("account/link", "citizens/link.html"),
    *(
        PageTemplate(f"account/refused/{refusal}", "citizens/link_refused.html", {"texts": texts})
        for refusal, texts in REFUSALS.items()
    ),
)


@dataclass(frozen=True, slots=True)
class ProofContext:
    """One of the two identities to be linked, in words."""

    name: str
    time: str
    person: list[str]


def link_check(view: LinkView, frame: PageContext) -> PageResponse:
    """The page of a transaction that shows both identities, or why they are not linked."""
    words = frame.language
    if view.refusal is not None or view.first is None:
        refusal = view.refusal or LinkRefusal.SIGNED_OUT
        known_twice = [service.name(words.code) for service in view.known_twice]
        variables = frame.template_variables(view.service, known_twice=known_twice)
        return PageResponse(f"account/refused/{refusal}", variables)
    replaced = view.replaced
    moving = None if replaced is None else way_name(view.first.card if replaced == "" else None, words, replaced)
    variables = frame.template_variables(
        view.service,
        proofs=[_proof(view.first, frame), _proof(view.second, frame)],
        replaced=moving,
        provider=way_name(view.second.card, words, view.second.identity.provider),
    )
    return PageResponse("account/link", variables)


def _proof(proved: ProvedWay, frame: PageContext) -> ProofContext:
    words, identity = frame.language, proved.identity
    person = [
        line
        for claim in ("name", "given_name", "family_name", "birthdate")
        if identity.claims.get(claim) and not (claim.endswith("_name") and identity.claims.get("name"))
        for line in lines(claim, identity.claims[claim], words)
    ]
    time = words.format_time(identity.auth_time, frame.now)
    return ProofContext(way_name(proved.card, words, identity.provider), time, person)


def way_name(card: ProviderInfo | None, words: Language, provider: str | None, issuer: str = "") -> str:
    """The name of a way: that of its provider, or what is known of one that is not configured any more."""
    if provider == HELP:
        return words.text("the check by a person")
    if card is not None:
        return card.name(words.code)
    return provider or issuer.removeprefix("https://") or words.text("the organisation you chose")
