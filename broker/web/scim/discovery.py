"""What the server can do, and what users and groups have: RFC 7644 section 4."""

from collections.abc import Sequence
from typing import Any, Final

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    Context,
    Error,
    ETag,
    Filter,
    NotFoundException,
    Patch,
    Resource,
    ResourceType,
    ServiceProviderConfig,
    Sort,
)
from starlette.responses import Response

from broker.web.scim.call import MOST, Answer, Call, error_response, list_of
from broker.web.scim.resources import RoleGroup, StaffExtension, StaffUser

TYPES: Final = tuple(ResourceType.from_resource(model) for model in (StaffUser, RoleGroup))
SCHEMAS: Final = tuple(model.to_schema() for model in (StaffUser, RoleGroup, StaffExtension))


async def show_config(call: Call) -> Response:
    config = ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=True),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="The token of the file that `[scim] token_file` names (RFC 6750)",
            )
        ],
    )
    return call.json(config.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))


def show_all(resources: Sequence[Resource[Any]]) -> Answer:
    async def answer(call: Call) -> Response:
        if "filter" in call.request.query_params:
            return error_response(Error(status=403, detail="discovery is not filtered"))  # RFC 7644 4
        return call.json(list_of(resources, 1, len(resources)))

    return answer


def show_one(resources: Sequence[Resource[Any]]) -> Answer:
    async def answer(call: Call) -> Response:
        found = next((one for one in resources if one.id == call.id), None)
        if found is None:
            raise NotFoundException(detail="there is no such resource")
        return call.json(found.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))

    return answer
