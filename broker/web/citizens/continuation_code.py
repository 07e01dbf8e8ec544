"""Continuation code on a page: the code, the address to type it in, and a QR code of both."""

import io

from markupsafe import Markup

from broker.web.citizens.page_context import PageContext


def code_variables(code: str | None, frame: PageContext) -> dict[str, object]:
    """The template variables of a continuation code; `code` and `picture` are None without one."""
    drawn: Markup | None = None
    if code:
        name = frame.language.text("A picture that a phone’s camera can read")
        drawn = picture(f"{frame.issuer}/continue?code={code}", name)
    return {"code": code, "address": f"{frame.issuer.partition('://')[2]}/continue", "picture": drawn}


def picture(text: str, name: str) -> Markup:
    """A QR code of `text` as an SVG element; `name` is its accessible name.

    Black on white in every theme, with the quiet zone of four modules that readers need (ISO/IEC 18004).
    """
    import segno  # imported on use: most sign-ins show no code

    drawn = io.BytesIO()
    code = segno.make(text, error="m", micro=False)
    code.save(drawn, kind="svg", xmldecl=False, svgns=True, nl=False, border=4, light="#fff", omitsize=True, title=name)
    svg = drawn.getvalue().decode().replace("<svg ", '<svg role="img" ', 1)
    return Markup(svg)  # made by segno, which escapes the title
