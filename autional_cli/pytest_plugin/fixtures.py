"""The fixtures. Each imports what it needs when it is asked for, since this module is loaded into every pytest run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from autional_cli.pytest_plugin import options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from autional_cli.pytest_plugin.bus import Bus
    from autional_cli.pytest_plugin.client import AsyncClient, Client
    from autional_cli.pytest_plugin.databases import Database, Databases, Documents
    from autional_cli.pytest_plugin.mail import Mailbox
    from autional_cli.pytest_plugin.people import Tenant, User
    from autional_cli.pytest_plugin.room import Room
    from autional_cli.pytest_plugin.running import Platform
    from autional_cli.pytest_plugin.traces import Traces

    Users = Callable[..., list[User]]
    MakeDatabase = Callable[[str], Any]  # Database or Documents, as the service has it

TRACES = pytest.StashKey["Traces"]()


@pytest.fixture(scope="session")
def platform_room() -> Iterator[Room]:
    """The thread in which fixtures wait."""
    from autional_cli.pytest_plugin.room import Room

    with Room() as room:
        yield room


@pytest.fixture(scope="session")
def platform(request: pytest.FixtureRequest) -> Iterator[Platform]:
    """The running platform, one for all tests and all workers of this run."""
    from autional_cli.errors import AutionalError, ExitCode
    from autional_cli.pytest_plugin.lease import Lease
    from autional_cli.pytest_plugin.running import Shown, bring_up, leave

    chosen = options.chosen(request.config)
    lease = Lease(chosen.home())
    say = _terminal(request.config)
    shown = Shown(say, aloud=request.config.get_verbosity() > 0)
    try:
        try:
            running = bring_up(chosen, lease, shown)
        except AutionalError as error:
            if error.exit_code is ExitCode.INTERRUPTED:
                raise KeyboardInterrupt from None  # the supervisor has undone the start: the whole session is over
            pytest.fail(_explained(error, chosen), pytrace=False)
        yield running
    finally:
        leave(chosen, lease)


@pytest.fixture(scope="session")
def platform_databases(platform: Platform, platform_room: Room) -> Iterator[Databases]:
    """What makes databases for tests."""
    from autional_cli.pytest_plugin.databases import Databases

    made = Databases(platform, platform_room)
    yield made
    made.close()


@pytest.fixture
def trace(request: pytest.FixtureRequest, platform: Platform) -> Iterator[Traces]:
    """`trace(response)`: the complete trace of a request."""
    from autional_cli.pytest_plugin.callers import Callers
    from autional_cli.pytest_plugin.traces import Traces

    callers = Callers(collector=platform.collector, test=request.node.nodeid, worker=platform.worker)
    traces = request.node.stash[TRACES] = Traces(platform, callers)
    yield traces
    callers.tell()


@pytest.fixture
def tenant() -> Tenant:
    """A tenant that no other test has."""
    from autional_cli.pytest_plugin.people import Tenant

    return Tenant()


@pytest.fixture
def users(platform: Platform, platform_room: Room, tenant: Tenant) -> Users:
    """`users(3)`: so many registered, verified, signed-in users of this test's tenant (`tenant=` for another one)."""
    from autional_cli.pytest_plugin import people

    home = tenant

    def make(number: int = 1, tenant: Tenant | None = None) -> list[User]:
        return people.join(platform, platform_room, tenant or home, number)

    return make


@pytest.fixture
def user(users: Users) -> User:
    """A registered, verified, signed-in user."""
    return users(1)[0]


@pytest.fixture
def anonymous(platform: Platform, trace: Traces) -> Iterator[Client]:
    """A client on the gateway that nobody is signed in with."""
    from autional_cli.pytest_plugin.client import Client

    made = Client(platform.gateway, trace.callers)
    yield made
    made.close()


@pytest.fixture
def client(platform: Platform, trace: Traces, user: User) -> Iterator[Client]:
    """A client on the gateway with the token of `user`."""
    from autional_cli.pytest_plugin.client import Client

    made = Client(platform.gateway, trace.callers, user.access_token)
    yield made
    made.close()


@pytest.fixture
def aclient(platform: Platform, trace: Traces, user: User) -> AsyncClient:
    """The same for coroutines."""
    from autional_cli.pytest_plugin.client import AsyncClient

    return AsyncClient(platform.gateway, trace.callers, user.access_token)


@pytest.fixture
def database(platform_databases: Databases) -> Iterator[MakeDatabase]:
    """`database("identity")`: a new database with the migrated, empty schema of a service."""
    made: list[Database | Documents] = []

    def make(service: str) -> Any:
        fresh = platform_databases.make(service)
        made.append(fresh)
        return fresh

    yield make
    for each in made:
        platform_databases.remove(each)


@pytest.fixture
def bus(platform: Platform, platform_room: Room) -> Iterator[Bus]:
    """The events of the platform since this test began."""
    from autional_cli.pytest_plugin.bus import Bus

    made = Bus(platform, platform_room)
    yield made
    made.close()


@pytest.fixture
def mailbox(platform: Platform, platform_room: Room) -> Mailbox:
    """The mail that the platform sends."""
    from autional_cli.pytest_plugin.mail import Mailbox

    return Mailbox(platform, platform_room)


def _terminal(config: pytest.Config) -> Callable[[str], None]:
    """Return what writes a line to the person's terminal while output is captured; workers of xdist have none."""
    capture = config.pluginmanager.getplugin("capturemanager")
    reporter = config.pluginmanager.getplugin("terminalreporter")

    def say(line: str) -> None:
        if reporter is not None and capture is not None:
            with capture.global_and_fixture_disabled():
                reporter.ensure_newline()
                reporter.write_line(f"platform {line}")

    return say


def _explained(error: Any, chosen: options.Chosen) -> str:
    """Return why the platform did not start, with the next command."""
    lines = [f"the platform did not start: {error.message}"]
    if error.hint:
        lines.append(f"next: {error.hint}")
    lines.append(f"workspace {chosen.root}, instance {chosen.instance}; to see it yourself: autional up")
    return "\n".join(lines)
