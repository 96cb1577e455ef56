"""The platform's mail, for plain tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.pytest_plugin.people import postbox

if TYPE_CHECKING:
    from autional_cli.pytest_plugin.people import User
    from autional_cli.pytest_plugin.room import Room
    from autional_cli.pytest_plugin.running import Platform
    from autional_cli.resources.mailbox import Mail

MARGIN_S = 5.0  # for the waiting itself to end


class Mailbox:
    """Reads mail that the platform sent; each mail is returned once to one test."""

    def __init__(self, platform: Platform, room: Room) -> None:
        self._post = postbox(platform)
        self._room = room

    def wait_for(self, *, to: str | User, subject: str = "", timeout: float = 15.0) -> Mail:
        """Return the next mail to somebody whose subject contains `subject`, arrived or still to come.

        AutionalError (exit 5) past `timeout` seconds.
        """
        address = to if isinstance(to, str) else to.email
        waiting = self._post.wait_for(to=address, subject=subject, timeout_s=timeout)
        mail: Mail = self._room.run(waiting, timeout_s=timeout + MARGIN_S)
        return mail
