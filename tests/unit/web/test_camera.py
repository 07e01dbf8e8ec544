"""The camera page: offered by its script alone, allowed on that page alone, and nothing is sent by itself."""

import pytest
from playwright.async_api import Page, Route
from playwright.async_api import expect as expected

from broker.web.middleware.security_headers import (
    NO_FEATURES,
    WITH_CAMERA,
    WITH_RECORDING,
    with_security_headers,
)
from broker.web.shared.static_files import ASSETS, Statics
from tests.unit.web.catalogue import Catalogue
from tests.unit.web.citizen_pages import path

pytestmark = pytest.mark.browser

SITE = "http://localhost:1"
PICTURES = {
    "dark": ("black", 1000, []),
    "blurred": ("grey", 1000, []),
    "small": ("grey", 500, ["blurred"]),
    "": ("lines", 1000, []),
}
"""What is said of a picture, its content and its size, and what else is said."""


@pytest.fixture
def sent(page: Page) -> list[str]:
    """Requests of the page that are no GET."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if request.method != "GET" else None)
    return found


async def opens(page: Page, catalogue: Catalogue, files: Statics, state: str, policy: str) -> None:
    """Opens the page of a state at a secure origin, with the headers of the product and this Permissions-Policy."""
    [shown] = [one for one in catalogue.shown if (one.name, one.language) == (f"{path(state)}/send", "en")]

    async def answer(route: Route) -> None:
        name = route.request.url.removeprefix(SITE)
        headers = {"permissions-policy": policy, "content-security-policy": WITH_RECORDING}
        if name in files.files:
            await route.fulfill(body=files.files[name].plain, content_type=files.files[name].media_type)
        else:
            await route.fulfill(body=shown.html, content_type="text/html", headers=headers)

    await page.route("**/*", answer)
    await page.goto(f"{SITE}/")


def test_a_page_has_no_camera_unless_it_says_so() -> None:
    [usual] = [value for name, value in with_security_headers([], b"id") if name == b"permissions-policy"]
    assert usual == NO_FEATURES.encode()
    own = (b"permissions-policy", WITH_CAMERA.encode())
    assert [one for one in with_security_headers([own], b"id") if one[0] == b"permissions-policy"] == [own]
    assert "camera=(self)" in WITH_CAMERA
    assert "camera=()" in NO_FEATURES
    assert "microphone=()" in NO_FEATURES


async def test_where_the_camera_is_barred_the_page_says_so_and_the_file_can_still_be_chosen(
    page: Page, catalogue: Catalogue, files: Statics, sent: list[str]
) -> None:
    await opens(page, catalogue, files, "send", NO_FEATURES)
    box = page.locator("[data-camera=photo]")
    await box.get_by_role("button", name="Use the camera of this device").click()
    await expected(box).to_contain_text("The camera cannot be used here. Choose a file below instead.")
    await expected(page.locator("#photo")).to_be_enabled()
    assert sent == []


async def test_a_video_is_recorded_into_the_field_and_sent_by_the_button_alone(
    page: Page, catalogue: Catalogue, files: Statics, sent: list[str]
) -> None:
    await opens(page, catalogue, files, "send_prompted", WITH_CAMERA)
    box = page.locator("[data-camera=video]")
    await box.get_by_role("button", name="Use the camera of this device").click()
    await box.get_by_role("button", name="Start recording").click()
    await expected(box).to_contain_text("The camera records.")
    await page.wait_for_timeout(1_500)  # on a busy machine a shorter video has no picture, and cannot be played
    await box.get_by_role("button", name="Stop recording").click()
    await expected(box).to_contain_text("The video is ready.")
    field = "field => [field.files.length, field.files[0].type.split('/')[0], field.files[0].size > 0]"
    assert await page.locator("#video").evaluate(field) == [1, "video", True]
    played = page.locator("[data-camera=video] video")
    assert await played.evaluate("live => live.srcObject") is None, "it is off"
    await expected(page.get_by_label("The video that you took")).to_be_visible()
    assert await played.evaluate("live => [live.controls, live.muted, live.src.split(':')[0]]") == [True, False, "blob"]
    await played.evaluate("live => { live.muted = true; return live.play(); }")
    assert await played.evaluate("live => live.videoWidth > 0 && live.error === null")
    await box.get_by_role("button", name="Take it again").click()
    await expected(page.get_by_label("What the camera sees").last).to_be_visible()
    assert await played.evaluate("live => [live.controls, live.muted, live.src]") == [False, True, ""]
    assert sent == []


@pytest.mark.parametrize("script", [True, False])
async def test_without_script_or_without_a_camera_nothing_is_offered_but_the_field(
    catalogue: Catalogue, files: Statics, page: Page, *, script: bool
) -> None:
    await page.add_init_script("delete Navigator.prototype.mediaDevices" if script else "delete window.DataTransfer")
    await opens(page, catalogue, files, "send", WITH_CAMERA)
    await expected(page.locator("[data-camera=photo]")).to_be_hidden()
    await expected(page.locator("#photo")).to_be_visible()


@pytest.mark.parametrize("said", PICTURES)
async def test_what_may_be_wrong_with_a_photograph_is_said(said: str, page: Page) -> None:
    what, size, more = PICTURES[said]
    await page.add_script_tag(content=(ASSETS / "camera.js").read_text())
    found = await page.evaluate(
        """([what, size]) => {
          const canvas = document.createElement('canvas'), context = canvas.getContext('2d');
          canvas.width = canvas.height = size;
          context.fillStyle = what === 'lines' ? 'white' : what;
          context.fillRect(0, 0, size, size);
          context.fillStyle = 'black';
          if (what === 'lines') for (let at = 0; at < size; at += 20) context.fillRect(at, 0, 10, size);
          return faults(canvas);
        }""",
        [what, size],
    )
    assert found == [*([said] if said else []), *more]
