"""Language tags over HTTP: `ui_locales`, `Accept-Language` and the language cookie are read without regard to case."""

import pytest

from broker.web.cookies import LANGUAGE
from tests.attacks.door import Door
from tests.whole.rider import Rider, Wire, rides
from tests.whole.stage import Stage

WELSH = ("cy", "CY", "Cy-gb", "cy-GB", "CY_gb")
IN_WELSH = b'<html lang="cy"'


@pytest.mark.parametrize("tag", WELSH)
async def test_a_language_tag_is_compared_without_regard_to_case_and_falls_back(
    door: Door, line: Wire, stage: Stage, tag: str
) -> None:
    """BCP 47 2.1.1, RFC 4647 3.4."""
    rider = Rider(line, rides(stage.folder, stage.issuer))
    (await rider.push(ui_locales=f"de {tag} en")).right(201)
    (await rider.authorize()).right(303)
    assert IN_WELSH in (await rider.visit(rider.page)).right().body
    for path, liked in (
        ("/help", f"de, {tag};q=0.9, en;q=0.5"),
        ("/nowhere", f"de, {tag};q=0.9, en;q=0.5"),
        (f"/logout?ui_locales=de+{tag}", "en"),
    ):
        assert IN_WELSH in (await door.send("GET", path, headers=[("Accept-Language", liked)])).body, path
    cookie = [("Cookie", f"{LANGUAGE}={tag}"), ("Accept-Language", "en")]
    for path in ("/help", "/nowhere"):
        assert IN_WELSH in (await door.send("GET", path, headers=cookie)).body, path
