"""Staff console: sources that a program asks, against the simulated registers over HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from broker.assisted.look_ups import ConnectorSettings
from broker.demo.register_simulator import register_simulator
from broker.platform.connectors import HttpConnector
from broker.platform.http_client import HttpClients
from broker.platform.system import System
from tests.support.serving import listening, serving
from tests.unit.web.staff import CARYS, Ready, StaffClient, Stage, staged
from tests.unit.web.staff_forms import DETAILS, PASSPORT, now

pytestmark = pytest.mark.store

STRANGE: Mapping[str, object] = {
    "a_list": [],
    "no_reference": {"answers": {}},
    "long_reference": {"reference": "R" * 101, "answers": {}},
    "no_answers": {"reference": "R-1"},
    "a_word": {"reference": "R-1", "answers": {"not_stolen": "yes"}},
    "a_number": {"reference": "R-1", "answers": {"not_stolen": 1}},
}


async def strange(request: Request) -> Response:
    """Answers in a wrong form."""
    return JSONResponse(STRANGE[request.path_params["form"]])


@pytest.fixture
async def stage(console_ready: Ready, tmp_path: Path, system: System) -> AsyncIterator[Stage]:
    """The console with the simulated registers, and with sources that answer in a wrong form."""
    async with AsyncExitStack() as running:
        outgoing = HttpClients(development=True)
        running.push_async_callback(outgoing.close)
        registers = Starlette(
            routes=[*register_simulator().routes, Route("/strange/{form}", strange, methods=["POST"])]
        )
        (socket, port) = listening()
        await running.enter_async_context(serving(registers, socket))

        def connector(lookup: str, path: str, *sends: str) -> HttpConnector[ConnectorSettings]:
            url = f"http://127.0.0.1:{port}/{path}"
            settings = ConnectorSettings(url, lookup, f"Simulated {lookup}", sends)
            return HttpConnector(settings, url, outgoing.client(path), 4)

        sources = {
            "deaths": connector("register", "look-up", "given_name", "family_name", "birthdate"),
            "stolen": connector("stolen", "look-up", "kind", "number"),
            **{form: connector("stolen", f"strange/{form}", "number") for form in STRANGE},
        }
        yield await running.enter_async_context(staged(console_ready, tmp_path, system, connectors=sources))


async def recorded(stage: Stage, family_name: str = "Hughes", number: str = "PQ8812345") -> tuple[StaffClient, str]:
    """The client of an agent in session, with a passport and details recorded, and the path of the case."""
    case, agent = await stage.case(), await stage.sign_in(CARYS)
    at = f"/cases/{case.id}"
    await agent.send("/next", "/")
    await agent.send(f"{at}/start", at, {"channel": "video", "words": "right"})
    await agent.send(f"{at}/evidence/new", f"{at}/evidence/new?kind=passport", PASSPORT | {"field.number": number})
    await agent.send(f"{at}/details", f"{at}/details", DETAILS | {"field.family_name": family_name})
    return agent, at


async def press(agent: StaffClient, at: str, source: str, piece: str = "") -> str:
    """Asks a source from its form; returns where the response leads, within the case."""
    page = f"{at}/evidence/{piece}" if piece else f"{at}/person"
    answer = await agent.send(f"{at}/sources/{source}", page, {"piece": piece})
    return str(answer.headers["location"]).removeprefix(at)


@pytest.mark.parametrize(
    ("family_name", "outcomes"),
    [
        ("Hughes", {"not_deceased": "yes", "not_reported": "yes", "not_at_risk": "yes"}),
        ("Gone", {"not_deceased": "no", "not_reported": "yes", "not_at_risk": "yes"}),
        ("Unknown", dict.fromkeys(("not_deceased", "not_reported", "not_at_risk"), "could_not")),
    ],
)
async def test_a_source_answers_checks_of_the_person_with_its_reference(
    stage: Stage, family_name: str, outcomes: dict[str, str]
) -> None:
    agent, at = await recorded(stage, family_name)
    assert await press(agent, at, "deaths") == "/person?told=asked_source"
    checks = (await stage.context.stores.cases.load(at.rpartition("/")[2])).checks  # type: ignore[union-attr]
    assert {check.check: check.outcome.value for check in checks} == outcomes
    found = checks[0].lookup
    assert found is not None
    assert (found.source, found.connector, found.reference[:4]) == ("Simulated register", True, "SIM-")
    assert "Simulated register answered by itself, reference SIM-" in (await agent.get(at)).text


async def test_saving_the_form_afterwards_keeps_the_answer_of_the_source(stage: Stage) -> None:
    agent, at = await recorded(stage)
    await press(agent, at, "deaths")
    page = (await agent.get(f"{at}/person")).text
    assert 'name="check.not_deceased" value="yes" checked' in page
    case = await stage.context.stores.cases.load(at.rpartition("/")[2])
    assert case is not None
    before = {check.check: check for check in case.checks}
    held = before["not_deceased"].lookup
    assert held is not None
    form = {f"check.{name}": "yes" for name in before} | {
        "source.register": held.source,
        "reference.register": held.reference,
    }
    await agent.send(f"{at}/person", f"{at}/person", form)
    assert {check.check: check.lookup for check in (await now(stage, case)).checks} == {
        name: check.lookup for name, check in before.items()
    }
    await agent.send(f"{at}/person", f"{at}/person", form | {"reference.register": "typed"})
    assert not any(check.lookup.connector for check in (await now(stage, case)).checks if check.lookup)


async def test_a_stolen_document_counts_for_nothing(stage: Stage) -> None:
    agent, at = await recorded(stage, number="PQ666")
    assert await press(agent, at, "stolen", "e1") == "/evidence/e1?told=asked_source"
    case = await stage.context.stores.cases.load(at.rpartition("/")[2])
    assert case is not None
    [check] = [check for check in case.evidence[0].checks if check.check == "not_stolen"]
    assert check.outcome.value == "no"
    assert "strength 0, validity 0" in (await agent.get(at)).text


async def test_what_was_typed_into_the_form_is_kept_while_a_source_is_asked(stage: Stage) -> None:
    agent, at = await recorded(stage)
    typed = {"source.history": "Credit bureau", "reference.history": "CB 1", "piece": ""}
    await agent.send(f"{at}/sources/deaths", f"{at}/person", typed)
    page = (await agent.get(f"{at}/person")).text
    assert 'value="Credit bureau"' in page
    assert 'name="check.not_deceased" value="yes" checked' in page


@pytest.mark.parametrize("form", STRANGE)
async def test_an_answer_in_a_wrong_form_records_nothing(stage: Stage, form: str) -> None:
    agent, at = await recorded(stage)
    before = await stage.context.stores.cases.load(at.rpartition("/")[2])
    assert await press(agent, at, form, "e1") == "/evidence/e1?problem=source_down&at=stolen"
    assert await stage.context.stores.cases.load(at.rpartition("/")[2]) == before


async def test_a_source_that_is_down_unknown_or_has_nothing_to_ask_records_nothing(stage: Stage) -> None:
    agent, at = await recorded(stage, "Silent")
    assert await press(agent, at, "deaths") == "/person?problem=source_down&at=register"
    assert "The source did not answer." in (await agent.get(f"{at}/person?problem=source_down&at=register")).text
    assert await press(agent, at, "deaths", "e1") == "/evidence/e1?problem=nothing_to_ask&at=register"
    assert await press(agent, at, "no_such_source") == ""
