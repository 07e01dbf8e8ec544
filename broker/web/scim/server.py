"""The routes of SCIM: discovery, users, and the groups of roles. RFC 7644 section 3 says what each method does."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from scim2_models import (
    ConflictException,
    Context,
    InvalidValueException,
    NotFoundException,
    NotImplementedException,
    PatchOp,
    PreconditionFailedException,
    Resource,
    SearchRequest,
    UniquenessException,
)
from starlette.responses import Response
from starlette.routing import Route

from broker.actions.people.provisioning import DirectoryPerson, DirectoryState, ProvisioningRefused
from broker.model.staff import StaffRole
from broker.model.staff_people import StaffEntry
from broker.web.scim.call import BASE, MOST, Answer, Call, ScimServer, handler_of, list_of, query_of
from broker.web.scim.discovery import SCHEMAS, TYPES, show_all, show_config, show_one
from broker.web.scim.resources import RoleGroup, StaffUser, group_of, said_of, user_of

_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_LAST_ADMIN: Final = "this is the last admin of the console: another person must become admin first"
_QUERY: Final = ("filter", "startIndex", "count", "attributes", "excludedAttributes")


def scim_routes(server: ScimServer) -> list[Route]:
    """Every route below BASE. A path or method that is not served gets an error in the form of SCIM."""
    singles: Mapping[str, Mapping[str, Answer]] = {
        "/ServiceProviderConfig": {"GET": show_config},
        "/ResourceTypes": {"GET": show_all(TYPES)},
        "/ResourceTypes/{resource}": {"GET": show_one(TYPES)},
        "/Schemas": {"GET": show_all(SCHEMAS)},
        "/Schemas/{resource}": {"GET": show_one(SCHEMAS)},
        "/Users": {"GET": _users, "POST": _create},
        "/Users/.search": {"POST": _search_users},
        "/Users/{resource}": {"GET": _user, "PUT": _replace, "PATCH": _patch, "DELETE": _delete},
        "/.search": {"POST": _search},
        "/Groups": {"GET": _groups, "POST": _no_other_groups},
        "/Groups/{resource}": {"GET": _group, "PUT": _replace_group, "PATCH": _patch_group, "DELETE": _no_other_groups},
        "/{rest:path}": {},
    }
    return [Route(f"{BASE}{path}", handler_of(server, answers), methods=_METHODS) for path, answers in singles.items()]


# --- users ---


async def _users(call: Call) -> Response:
    """A query in the address (RFC 7644 3.4.2)."""
    return await _found_users(call, SearchRequest[StaffUser].model_validate(query_of(call.request, _QUERY)))


async def _search_users(call: Call) -> Response:
    """A query in the body (RFC 7644 3.4.3)."""
    return await _found_users(call, SearchRequest[StaffUser].model_validate(await call.body()))


async def _search(call: Call) -> Response:
    """A query over users and groups."""
    asked = SearchRequest[StaffUser | RoleGroup].model_validate(await call.body())
    state = await call.server.provisioning.state()
    users = [user_of(entry, state, call.base) for entry in state.people.values()]
    return _page(call, [*users, *(group_of(role, state, call.base) for role in StaffRole)], asked)


async def _found_users(call: Call, asked: SearchRequest[Any]) -> Response:
    state = await call.server.provisioning.state()
    return _page(call, [user_of(entry, state, call.base) for entry in state.people.values()], asked)


def _page(call: Call, resources: Sequence[Resource[Any]], asked: SearchRequest[Any]) -> Response:
    """The page of the resources that a query selects."""
    found = [one for one in resources if asked.filter is None or asked.filter.match(one)]
    first = asked.start_index_0 or 0
    page = found[first : first + min(MOST, MOST if asked.count is None else asked.count)]
    return call.json(list_of(page, first + 1, len(found), asked))


async def _user(call: Call) -> Response:
    state, entry = await call.person()
    return call.shown(user_of(entry, state, call.base), Context.RESOURCE_QUERY_RESPONSE)


async def _create(call: Call) -> Response:
    sent = StaffUser.model_validate(await call.body(), scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    made = _done(await call.server.provisioning.create(_said(sent)))
    state = await call.server.provisioning.state()
    return call.shown(user_of(made, state, call.base), Context.RESOURCE_CREATION_RESPONSE, 201)


async def _replace(call: Call) -> Response:
    state, entry = await call.person()
    sent = StaffUser.model_validate(await call.body(), scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
    sent.replace(user_of(entry, state, call.base))
    return await _changed(call, entry, sent, Context.RESOURCE_REPLACEMENT_RESPONSE)


async def _patch(call: Call) -> Response:
    state, entry = await call.person()
    patch = PatchOp[StaffUser].model_validate(await call.body(), scim_ctx=Context.RESOURCE_PATCH_REQUEST)
    user = user_of(entry, state, call.base)
    patch.patch(user)
    return await _changed(call, entry, user, Context.RESOURCE_PATCH_RESPONSE)


async def _changed(call: Call, entry: StaffEntry, user: Any, context: Context) -> Response:
    after = _done(await call.server.provisioning.change(entry, _said(user)))
    return call.shown(user_of(after, await call.server.provisioning.state(), call.base), context)


async def _delete(call: Call) -> Response:
    _, entry = await call.person()
    refused = await call.server.provisioning.delete(entry)
    if refused is not None:
        _done(refused)
    return Response(b"", 204)


def _said(user: Any) -> DirectoryPerson:
    said = said_of(user)
    if not said.user_name:
        raise InvalidValueException(detail="userName is empty")
    return said


def _done(outcome: StaffEntry | ProvisioningRefused) -> StaffEntry:
    """The entry that was written. Raises the exception for a refusal."""
    match outcome:
        case StaffEntry():
            return outcome
        case ProvisioningRefused.STALE:
            raise PreconditionFailedException(detail="the resource was changed at the same time")
        case ProvisioningRefused.TAKEN:
            raise UniquenessException(detail="another person has this user name or subject")
        case ProvisioningRefused.LAST_ADMIN:
            raise ConflictException(detail=_LAST_ADMIN)
        case ProvisioningRefused.INVALID:
            raise InvalidValueException(detail="a value is too long, or has characters that cannot be shown")


# --- groups ---


async def _groups(call: Call) -> Response:
    asked = SearchRequest[RoleGroup].model_validate(query_of(call.request, _QUERY))
    state = await call.server.provisioning.state()
    return _page(call, [group_of(role, state, call.base) for role in StaffRole], asked)


async def _group(call: Call) -> Response:
    role, state = await _role(call)
    return call.shown(group_of(role, state, call.base), Context.RESOURCE_QUERY_RESPONSE)


async def _replace_group(call: Call) -> Response:
    role, state = await _role(call)
    sent = RoleGroup.model_validate(await call.body(), scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
    return await _want(call, role, state, sent, Context.RESOURCE_REPLACEMENT_RESPONSE)


async def _patch_group(call: Call) -> Response:
    """Changes whom the directory wants in a role: those who wait already are members for this."""
    role, state = await _role(call)
    patch = PatchOp[RoleGroup].model_validate(await call.body(), scim_ctx=Context.RESOURCE_PATCH_REQUEST)
    group = group_of(role, state, call.base, wanted=True)
    patch.patch(group)
    return await _want(call, role, state, group, Context.RESOURCE_PATCH_RESPONSE)


async def _role(call: Call) -> tuple[StaffRole, DirectoryState]:
    if call.id not in set(StaffRole):
        raise NotFoundException(detail="there is no such group")
    role, state = StaffRole(call.id), await call.server.provisioning.state()
    meta = group_of(role, state, call.base).meta
    call.check_version("" if meta is None or meta.version is None else meta.version)
    return role, state


async def _want(call: Call, role: StaffRole, state: DirectoryState, group: RoleGroup, context: Context) -> Response:
    """Asks for the members of a group; a member of staff approves. The answer has those in whom the role is in force.

    All of them are checked first, so that a member who cannot have the role changes nothing for the others.
    """
    members = {member.value for member in group.members or ()}
    for member in members:
        entry = state.people.get(member or "")
        if entry is None or not entry.active:
            raise InvalidValueException(detail=f"{member!r} is no active user")
    provisioning = call.server.provisioning
    for entry in state.people.values():
        wanted = state.wanted(entry)
        roles = wanted | {role} if entry.id in members else wanted - {role}
        match await provisioning.want(state, entry, roles):
            case ProvisioningRefused.LAST_ADMIN:
                raise ConflictException(detail=_LAST_ADMIN)
            case ProvisioningRefused.TAKEN:
                raise ConflictException(detail=f"a change of the roles of {entry.id!r} waits that staff asked for")
            case ProvisioningRefused():
                raise PreconditionFailedException(detail="the roles were changed at the same time")
    return call.shown(group_of(role, await provisioning.state(), call.base), context)


async def _no_other_groups(_call: Call) -> Response:
    raise NotImplementedException(detail="the groups are the roles of the broker: none is added or deleted")
