"""Every sentence of the citizens' pages that claims a fact is true in every scenario that shows it.

A text of a failure, an ending or a limit that is neither in `CLAIMS` nor in `PLAIN` fails the test.
"""

import re

import pytest

from broker.model.failures import FAILURES
from broker.web.citizens.failure_texts import FAILURE_TEXTS
from broker.web.shared.pages import PageRenderer
from broker.web.shared.static_files import statics
from tests.unit.actions.assisted.case_harness import Stage
from tests.unit.actions.page_claims import CLAIMS, ELSEWHERE, PLAIN
from tests.unit.actions.page_scenarios import WAYS
from tests.unit.actions.page_world import world
from tests.unit.web.citizen_pages import all_pages

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def written() -> PageRenderer:
    """Every page, compiled once for the run."""
    return all_pages(statics())


def pattern(text: str) -> re.Pattern[str]:
    """A text with anything in its holes."""
    return re.compile(re.sub(r"\\\{\w+\\\}", ".{1,60}?", re.escape(text)))


@pytest.mark.parametrize("name", WAYS)
async def test_every_sentence_of_a_page_is_true_however_the_page_was_reached(
    name: str, stage: Stage, written: PageRenderer
) -> None:
    view, page, facts = await WAYS[name](world(stage, written))
    read = [text for text in CLAIMS if pattern(text).search(page)]
    untrue = [text for text in read if not CLAIMS[text](facts)]
    assert untrue == [], (view, page, facts)
    assert "You do not have to start again." not in page or "Start again from" not in page


def test_every_text_of_a_failure_or_an_ending_is_known_to_claim_something_or_nothing() -> None:
    failure_texts = [
        one for failure, one in FAILURE_TEXTS.items() if failure not in ELSEWHERE and FAILURES[failure].page
    ]
    texts = {text for one in failure_texts for text in (one.title, *one.story, one.not_shared)}
    unknown = {text for text in texts - PLAIN if not any(claim in text for claim in CLAIMS)}
    assert unknown == set()
