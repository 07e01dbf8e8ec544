"""The members of staff as they are now: staff.toml joined with the database, followed by every process."""

from collections.abc import Callable, Mapping

from broker.actions.people.ports import People
from broker.model.staff import StaffMember, StaffRole
from broker.model.staff_people import StaffEntry, working_members

Configured = Callable[[], Mapping[str, StaffMember]]


class StaffPeople:
    """The members of staff of this moment. `refresh` is called at each request of the console and each sign-in of
    staff, so that what one process wrote counts in all of them with the next request."""

    def __init__(self, store: People, configured: Configured) -> None:
        """`configured` returns those of staff.toml as loaded last."""
        self.store = store
        self.configured = configured
        self.entries: Mapping[str, StaffEntry] = {}
        self.mark: tuple[int, int] | None = None
        self._file: Mapping[str, StaffMember] | None = None
        self._members: Mapping[str, StaffMember] = {}

    async def refresh(self) -> None:
        """Reads the entries if one was written since. One round trip if not."""
        mark = await self.store.mark()
        if mark != self.mark:
            self.entries = {entry.id: entry for entry in await self.store.entries()}
            self.mark, self._file = mark, None

    @property
    def members(self) -> Mapping[str, StaffMember]:
        """The members of staff who may sign in, by id."""
        file = self.configured()
        if file is not self._file:
            self._members, self._file = working_members(file, self.entries.values()), file
        return self._members

    def only_admin(self, member: str) -> bool:
        """Whether this member of staff is an admin and no other is: without them, roles could no longer be changed."""
        return {one.id for one in self.members.values() if one.may(StaffRole.ADMIN)} == {member}

    async def present(self) -> Mapping[str, StaffMember]:
        """The members of staff who may sign in, after a refresh."""
        await self.refresh()
        return self.members
