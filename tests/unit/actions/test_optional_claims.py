"""Claims that a citizen may leave out: sent only if they were chosen, asked for once, and left out later."""

from dataclasses import replace

from broker.actions.views import ConsentView, RedirectAway
from broker.model.service import ClaimPurpose
from tests.unit.actions.account_steps import audited
from tests.unit.actions.page_world import World


def may_be_left_out(w: World, *claims: str) -> None:
    """The library can do without these claims, and asks for an address that nobody has."""
    service = w.shelf.services["library"]
    purposes = (replace(one, optional=one.claim in claims) for one in service.claim_purposes)
    w.shelf.services["library"] = replace(service, claim_purposes=(*purposes, ClaimPurpose("address", {"en": "why"})))


async def shared(w: World) -> str:
    """The names of the claims of the last answer."""
    return (await audited(w, "service_answered"))[-1].details["claims"]


async def consent_page(w: World, **more: object) -> tuple[str, ConsentView]:
    """A citizen signs in and reads what is to be shared; gives the handle."""
    handle = await w.proves(requested_claims=("name", "birthdate", "address"), **more)
    view, _ = await w.sign_in.look(handle, w.browser)
    assert isinstance(view, ConsentView)
    return handle, view


async def test_what_was_not_chosen_stays_here_and_is_not_asked_for_again(w: World) -> None:
    may_be_left_out(w, "birthdate")
    handle, view = await consent_page(w)
    assert [(one.claim, one.use.optional, one.shared_before) for one in view.items] == [
        ("name", False, False),
        ("birthdate", True, False),
    ]
    assert view.missing == ("address",)
    await w.agrees(handle)
    assert await shared(w) == "name"
    again = await w.proves(requested_claims=("name", "birthdate", "address"))
    assert isinstance((await w.sign_in.look(again, w.browser))[0], RedirectAway)
    assert await shared(w) == "name"


async def test_what_was_chosen_goes_out_until_it_is_left_out(w: World) -> None:
    may_be_left_out(w, "birthdate")
    handle, _ = await consent_page(w)
    await w.sign_in.share(handle, w.browser, agree=True, chosen=("birthdate", "address", "name", "unknown"))
    assert await shared(w) == "birthdate name"
    again = await w.proves(requested_claims=("name", "birthdate", "address"))
    assert isinstance((await w.sign_in.look(again, w.browser))[0], RedirectAway)
    assert await shared(w) == "birthdate name"

    handle, view = await consent_page(w, prompt=("consent",))
    assert [one.shared_before for one in view.items] == [True, True]
    await w.agrees(handle)
    assert await shared(w) == "name"
    [narrowed] = await audited(w, "sharing_narrowed")
    assert (narrowed.details["claims"], narrowed.account) == ("birthdate", await w.account())
    again = await w.proves(requested_claims=("name", "birthdate", "address"))
    assert isinstance((await w.sign_in.look(again, w.browser))[0], RedirectAway)
    assert await shared(w) == "name"


async def test_a_claim_that_was_necessary_cannot_be_left_out(w: World) -> None:
    may_be_left_out(w)
    handle, _ = await consent_page(w)
    await w.agrees(handle)
    assert await shared(w) == "birthdate name"
