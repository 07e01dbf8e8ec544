"""Delivery receipts of GOV.UK Notify: `POST /notifications/receipts` with the bearer token of the settings."""

import hmac

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.outbox.ports import Notices
from broker.actions.outbox.receipts import ReceiptStatus, take_receipt
from broker.platform.system import System
from broker.web.services.json_responses import NO_STORE


class Receipt(msgspec.Struct, frozen=True):
    """The members of a receipt that are read. The address in it is not."""

    reference: str
    status: ReceiptStatus


def receipt_routes(notices: Notices, token: str | None, system: System) -> list[Route]:
    """The route of receipts; none without a token. A receipt that cannot be read is refused, an unknown one ignored:
    Notify would send it again and again."""
    if token is None:
        return []
    expected, decoder = f"Bearer {token}".encode(), msgspec.json.Decoder(Receipt)

    async def take(request: Request) -> Response:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode("latin-1"), expected):
            return Response(status_code=401, headers={**NO_STORE, "WWW-Authenticate": "Bearer"})
        try:
            receipt = decoder.decode(await request.body())
        except msgspec.DecodeError:
            return Response(status_code=400, headers=NO_STORE)
        await take_receipt(notices, receipt.reference, receipt.status, system)
        return Response(status_code=204, headers=NO_STORE)

    return [Route("/notifications/receipts", take, methods=["POST"])]
