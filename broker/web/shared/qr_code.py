"""A code to be read by a camera, as a picture inside the page."""

import io

from markupsafe import Markup


def picture(text: str, name: str) -> Markup:
    """An SVG element that a camera reads as `text`. `name` says to those who do not see it what it is.

    Black on white whatever the theme, with the quiet zone of four modules that readers need (ISO/IEC 18004).
    """
    import segno  # here, since most sign-ins show none

    written = io.BytesIO()
    code = segno.make(text, error="m", micro=False)
    code.save(
        written, kind="svg", xmldecl=False, svgns=True, nl=False, border=4, light="#fff", omitsize=True, title=name
    )
    svg = written.getvalue().decode().replace("<svg ", '<svg role="img" ', 1)
    return Markup(svg)  # made by segno, which escapes the title
