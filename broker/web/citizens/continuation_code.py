"""The slip with a continuation code: to be written down, or read by a camera."""

from markupsafe import Markup

from broker.web.citizens.page_context import PageContext
from broker.web.shared.qr_code import picture


def slip(code: str | None, frame: PageContext) -> dict[str, object]:
    """The holes of the slip: the code, where to type it in, and the picture for a camera. Empty without a code."""
    drawn: Markup | None = None
    if code:
        name = frame.language.text("A picture that a phone’s camera can read")
        drawn = picture(f"{frame.issuer}/continue?code={code}", name)
    return {"code": code, "address": f"{frame.issuer.partition('://')[2]}/continue", "picture": drawn}
