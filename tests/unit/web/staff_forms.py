"""Forms of the staff console, and the steps of a case up to its decision."""

from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from tests.unit.web.staff import MEI, TOM, StaffClient, Stage

PASSPORT = {
    "kind": "passport",
    "field.number": "PQ8812345",
    "field.country": "GBR",
    "field.expires": "2031-04-09",
    "source.issuer": "Passport Office",
    "reference.issuer": "PO-77/2",
} | {f"check.{check}": "yes" for check in ("seen", "valid", "features", "details_match", "record", "face")}


PERSON = {
    "source.history": "Credit bureau",
    "reference.history": "CB 4411",
    "source.register": "Register of deaths",
    "reference.register": "RD-9",
} | {
    f"check.{check}": "yes"
    for check in ("active_months", "active_years", "not_deceased", "not_reported", "not_at_risk")
}
DETAILS = {"field.given_name": "Amina", "field.family_name": "Hughes", "field.birthdate": "1987-04-12"}


async def now(stage: Stage, case: Case) -> Case:
    """The stored case."""
    found = await stage.facts.cases.load(case.id)
    assert found is not None
    return found


async def prepare_decision(context: StaffClient, case: Case) -> str:
    """Assigns the case and completes all steps before the decision; returns its path."""
    at = f"/cases/{case.id}"
    taken = await context.send("/next", "/")
    assert taken.headers["location"] == at
    for path, page, form in (
        (f"{at}/start", at, {"channel": "video"}),
        (f"{at}/words", at, {}),
        (f"{at}/evidence/new", f"{at}/evidence/new?kind=passport", PASSPORT),
        (f"{at}/person", f"{at}/person", PERSON),
        (f"{at}/details", f"{at}/details", DETAILS),
        (f"{at}/end", at, {}),
    ):
        done = await context.send(path, page, form)
        assert done.status_code == 303, path
        assert "problem=" not in done.headers["location"], path
    return at


async def case_in_review(stage: Stage) -> tuple[Case, StaffClient]:
    """A case approved by an agent in training, and the client of the reviewer who took it."""
    case = await stage.case()
    agent = await stage.sign_in(TOM)
    at = await prepare_decision(agent, case)
    await agent.send(f"{at}/decision", f"{at}/decision", {"decision": "approve", "note": "Calm and clear throughout"})
    assert (await now(stage, case)).state is CaseState.REVIEW
    reviewer = await stage.sign_in(MEI)
    assert (await reviewer.send("/next", "/")).headers["location"] == at
    return case, reviewer
