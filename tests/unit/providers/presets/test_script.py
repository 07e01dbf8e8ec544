"""The simulator of national providers over HTTP: its script, its log, its page, and what it refuses."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from broker.model.identity import Identity
from broker.platform.http_client import HttpResponse
from broker.platform.system import System
from broker.provider import CallbackParameters, ProviderFailure
from providers.simulator.national import OUTCOMES, PEOPLE, Answer, create_national
from tests.unit.providers.presets.exchange import Call, Exchange, exchange, send


async def post(here: Exchange, path: str, body: Any) -> HttpResponse:
    """A POST of a form, or of JSON, at a path of the simulator itself."""
    return await send(here.wire.app, Call("POST", f"https://{path}", {}, body))


async def test_the_script_gives_the_next_answers_and_the_log_shows_what_was_asked(system: System) -> None:
    here = exchange("tara", system)
    here.simulated.script.next.extend([Answer(person=PEOPLE[1]), Answer(error="user_cancel")])
    departure = await here.leave()
    first = await send(here.wire.app, Call("GET", departure.url, {}, {}))
    second = await send(here.wire.app, Call("GET", departure.url, {}, {}))
    assert "code=" in first.headers["location"]
    assert "error=user_cancel" in second.headers["location"]
    answer = CallbackParameters(dict(parse_qsl(urlsplit(first.headers["location"]).query)), here.ask.callback)
    identity = await here.provider.complete(departure.provider_state, answer)
    assert isinstance(identity, Identity)
    assert identity.claims["given_name"] == "Mari-Liis"
    log = json.loads((await send(here.wire.app, Call("GET", "https://_log/tara", {}, {}))).body)["log"]
    assert [one["endpoint"] for one in log] == ["authorization", "authorization", "token"]
    assert log[0]["parameters"]["acr_values"] == "low"


async def test_without_a_script_a_page_offers_people_errors_and_faults(system: System) -> None:
    here = exchange("tara", system)
    departure = await here.leave()
    page = await send(here.wire.app, Call("GET", departure.url, {}, {}))
    assert page.status == 200
    text = page.body.decode()
    for person in PEOPLE:
        assert f'value="{person.id}"' in text
    for error in here.simulated.dialect.table("response.errors"):
        assert f'value="{error}"' in text
    form = {"request": urlsplit(departure.url).query, "person": "right-to-left", "outcome": "ok"}
    response = await post(here, "_sign-in/tara", form)
    answer = CallbackParameters(dict(parse_qsl(urlsplit(response.headers["location"]).query)), here.ask.callback)
    identity = await here.provider.complete(departure.provider_state, answer)
    assert isinstance(identity, Identity)
    assert identity.claims["given_name"] == "ليلى"


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.id)
async def test_every_person_signs_in_or_is_refused_for_a_reason(system: System, person: Any) -> None:
    here = exchange("tara", system)
    outcome = await here.sign_in(Answer(person=person))
    if person.birthdate == "":
        assert isinstance(outcome, ProviderFailure)
        assert outcome.reason == "incomplete"
        return
    assert isinstance(outcome, Identity), outcome
    assert outcome.claims.get("family_name") == person.family
    assert outcome.claims.get("given_name", "") == person.given
    assert outcome.level <= person.highest


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"next": 1},
        {"next": [{"outcome": "no such outcome"}]},
        {"next": [{"person": "no such person"}]},
        {"next": [{"outcome": 7}]},
        {"next": [{"unknown": "member"}]},
    ],
)
async def test_a_script_that_cannot_be_played_is_refused(system: System, body: Any) -> None:
    here = exchange("tara", system)
    sent = Call("POST", "https://_script/tara", {"Content-Type": "application/json"}, {})
    response = await send(here.wire.app, sent, json.dumps(body).encode())
    assert response.status == 400
    assert "problem" in json.loads(response.body)
    assert not here.simulated.script.next


async def test_a_script_is_taken_over_http(system: System) -> None:
    here = exchange("tara", system)
    body = {"next": [{"outcome": "expired", "person": "mari"}, {"error": "server_error", "description": "no"}]}
    sent = Call("POST", "https://_script/tara", {"Content-Type": "application/json"}, {})
    response = await send(here.wire.app, sent, json.dumps(body).encode())
    assert json.loads(response.body) == {"waiting": 2}
    assert [one.outcome for one in here.simulated.script.next] == ["expired", "ok"]


async def test_the_simulator_does_not_run_outside_development(system: System) -> None:
    here = exchange("tara", system)
    with pytest.raises(ValueError, match="development only"):
        create_national([here.simulated], "http://localhost:9000", development=False)


@pytest.mark.parametrize(
    "change",
    [
        {"scope": "openid everything"},
        {"scope": "profile"},
        {"response_type": "token"},
        {"state": "short"},
        {"code_challenge_method": "plain"},
        {"acr_values": "loa9"},
    ],
)
async def test_a_request_that_the_provider_would_refuse_is_refused(system: System, change: dict[str, str]) -> None:
    here = exchange("tara", system)
    departure = await here.leave()
    query = {**dict(parse_qsl(urlsplit(departure.url).query)), **change}
    response = await send(here.wire.app, Call("GET", with_query(departure.url, query), {}, {}))
    assert "error=" in response.headers["location"]


@pytest.mark.parametrize("change", [{"client_id": "another"}, {"redirect_uri": "https://elsewhere.example/"}])
async def test_a_request_of_another_client_is_not_redirected(system: System, change: dict[str, str]) -> None:
    here = exchange("tara", system)
    departure = await here.leave()
    query = {**dict(parse_qsl(urlsplit(departure.url).query)), **change}
    response = await send(here.wire.app, Call("GET", with_query(departure.url, query), {}, {}))
    assert response.status == 400


def with_query(url: str, query: dict[str, str]) -> str:
    """A URL with another query."""
    return f"{url.partition('?')[0]}?{urlencode(query)}"


def test_every_outcome_has_a_line_for_the_page() -> None:
    assert all(len(line) > 5 for line in OUTCOMES.values())
