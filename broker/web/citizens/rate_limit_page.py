"""Rate limit page: which limit, until when, and the other steps."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from broker.actions.results import LimitKind, RateLimited
from broker.web.citizens.failure_texts import marked
from broker.web.citizens.next_steps import StepContext, rate_limit_steps
from broker.web.citizens.page_context import PageContext, readable
from broker.web.shared.pages import PageTemplate
from broker.web.shared.responses import PageResponse

_SHARED = marked(
    "They came from the internet connection that you use, perhaps from other people who share it. "
    "You did nothing wrong."
)


@dataclass(frozen=True, slots=True)
class RateLimitText:
    """The texts of one limit: what happened, until when ({until} is a time), and the step after waiting."""

    title: str
    story: str
    until: str
    wait: str
    label: str


RATE_LIMIT_TEXTS: Mapping[LimitKind, RateLimitText] = MappingProxyType(
    {
        LimitKind.STARTS: RateLimitText(
            marked("Too many sign-ins began at once"),
            _SHARED,
            marked("New ones can begin again at {until}."),
            marked("Start again at {until}"),
            marked("Go to the service"),
        ),
        LimitKind.OPEN: RateLimitText(
            marked("Too many sign-ins are open in this browser"),
            marked("Go on in one of the other windows, or stop one of them there. Then you can begin a new one."),
            marked("If you do nothing, you can begin a new one at {until}."),
            marked("Start again at {until}"),
            marked("Go to the service"),
        ),
        LimitKind.HELP: RateLimitText(
            marked("Too many requests for help came at once"),
            marked(
                "The requests came from the internet connection that you use, perhaps from other people who share it. "
                "You did nothing wrong."
            ),
            marked("You can ask for help here again at {until}."),
            marked("Ask again at {until}"),
            marked("Ask for help"),
        ),
        LimitKind.CODES: RateLimitText(
            marked("Too many wrong codes were typed in"),
            _SHARED,
            marked("You can type in a code again at {until}. If yours has run out by then, ask for a new one."),
            marked("Type in your code at {until}"),
            marked("Type in a code"),
        ),
        LimitKind.FREEZES: RateLimitText(
            marked("This link was opened too often"),
            marked(
                "It was, or many such links were opened from the internet connection that you use. "
                "Nothing more was stopped just now. If it is urgent, talk to us."
            ),
            marked("You can open the link again at {until}."),
            marked("Open the link again at {until}"),
            marked("Open the link"),
        ),
        LimitKind.PASSKEYS: RateLimitText(
            marked("Too many passkeys were used at once"),
            _SHARED,
            marked("You can use your passkey again at {until}."),
            marked("Use your passkey at {until}"),
            marked("Go back to your sign-in"),
        ),
    }
)

SHEETS = tuple(
    PageTemplate(f"rate-limited/{limit}", "citizens/rate_limited.html", {"texts": texts})
    for limit, texts in RATE_LIMIT_TEXTS.items()
)
STATUS = 429
"""Too Many Requests (RFC 6585 4)."""


def rate_limited_page(limited: RateLimited, frame: PageContext, detail: str | None = None) -> PageResponse:
    """The page of a limit, with Retry-After (RFC 9110 10.2.3). `detail` is a text for the service's engineers."""
    words, transaction = frame.language, limited.transaction
    base = None if transaction is None else f"/journey/{frame.handle}"
    until = words.format_time(math.ceil(limited.until / 60) * 60, frame.now)
    texts = RATE_LIMIT_TEXTS[limited.limit]
    wait = StepContext.link(words.text(texts.wait, until=until), _retry_path(limited, frame), words.text(texts.label))
    variables = frame.template_variables(
        limited.service,
        until=until,
        kept_until=None if transaction is None else words.format_time(transaction.expires, frame.now),
        steps=[wait, *rate_limit_steps(limited.service, base, words)],
        reference=None if transaction is None else readable(transaction.reference),
        detail=detail,
    )
    after = max(1, math.ceil(limited.until - frame.now))
    return PageResponse(f"rate-limited/{limited.limit}", variables, STATUS, headers=(("Retry-After", str(after)),))


def _retry_path(limited: RateLimited, frame: PageContext) -> str:
    match limited.limit:
        case LimitKind.HELP:
            return f"/journey/{frame.handle}/help"
        case LimitKind.CODES:
            return "/confirm"
        case LimitKind.FREEZES:
            return frame.page_path or ""
        case LimitKind.PASSKEYS:
            return f"/journey/{frame.handle}"
        case LimitKind.STARTS | LimitKind.OPEN:
            return limited.service.presentation.home if limited.service else ""
