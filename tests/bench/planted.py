"""One defect for each static and contract rule, to plant into the generated repository, and where it must be found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FUTURE = "from __future__ import annotations\n\n"
_MARK = "#" + " autional: ignore"  # in two, so that it is no suppression here
_KEY = "AKIA" + "Z7QX4LWN3VTK9R2M"  # in two, so that it is no secret here
_ROUTE = '''

@router.get("/{path}"{more})
async def {name}({caller}) -> {returns}:
    """Planted."""
    raise ValueError
'''


@dataclass(frozen=True, slots=True)
class Defect:
    """What to do to a file, and which rule must report it where.

    `old` becomes `new`; without `old`, `new` is added at the end of a file that may not be there yet, or is all of it
    if `whole`; without both, the file is removed. `seen` is the path of the finding where it is another.
    """

    code: str
    path: str
    new: str = ""
    old: str = ""
    seen: str = ""
    whole: bool = False

    def plant(self, root: Path) -> None:
        """Change the file. ValueError if the place is not there."""
        place = root / self.path
        if not self.new and not self.old:
            place.unlink()
            return
        before = place.read_text(encoding="utf-8") if place.exists() and not self.whole else ""
        place.parent.mkdir(exist_ok=True)
        if self.old not in before:
            raise ValueError(f"{self.path} has no {self.old!r} to plant {self.code} at")
        place.write_text(before.replace(self.old, self.new, 1) if self.old else before + self.new, encoding="utf-8")

    @property
    def where(self) -> str:
        """The path at which it must be found."""
        return self.seen or self.path


def route(path: str, caller: str, returns: str = "Envelope[SummaryOut]", more: str = "") -> str:
    """Return the text of a route."""
    return _ROUTE.format(path=path, name=f"get_{path}", caller=caller, returns=returns, more=more)


def module(name: str, text: str, service: str = "wallet") -> tuple[str, str]:
    """Return path and text of a new module that nothing imports."""
    return f"services/{service}/{name}.py", f'"""Planted."""\n\n{_FUTURE}{text}'


def architecture() -> Iterator[Defect]:
    """Yield defects of imports and of the skeleton."""
    yield Defect("ARC01", *module("other", "from services.billing.domain import MAX_TITLE\n\nA = MAX_TITLE\n"))
    yield Defect(
        "ARC02", "services/wallet/store.py", "\n\ndef up() -> None:\n    from services.wallet import routes  # noqa\n"
    )
    yield Defect(
        "ARC03", "services/chassis/pacing.py", "\n\ndef down() -> None:\n    from services.wallet import dto  # noqa\n"
    )
    yield Defect("ARC04", *module("first", "from services.wallet import second\n\nA = second\n"))
    yield Defect(
        "ARC04", *module("second", "from services.wallet import first\n\nB = first\n"), "", "services/wallet/first.py"
    )
    yield Defect("ARC05", "services/rbac/service.py", "-> object:", "-> Application:")
    yield Defect("ARC06", "services/storage/journey.py", seen="services/storage/service.py")
    yield Defect("ARC07", *module("undeclared", "import nowhere_to_be_found\n\nA = nowhere_to_be_found\n"))
    yield Defect("ARC08", *module("long", "".join(f"A{number} = {number}\n" for number in range(310))))


def contracts() -> Iterator[Defect]:
    """Yield defects of error codes, documents and calls."""
    yield Defect("CON01", "services/storage/routes.py", route("bare", "user: User", "SummaryOut"))
    yield Defect(
        "CON02",
        "services/compliance/routes.py",
        route("odd", "user: User", more=', responses={409: {"description": "odd"}}'),
    )
    yield Defect(
        "CON03",
        "services/profile/routes.py",
        '@router.patch("/myself")',
        '@router.patch("/me")',
        "services/profile/routes.py",
    )
    yield Defect("CON04", "services/tenant/routes.py", route("named", "user: User", more=', operation_id="Not A Word"'))
    yield Defect("CON05", "services/storage/routes.py", route("loose", "user: User", "Envelope[dict[str, object]]"))
    yield Defect(
        "CON06",
        *module(
            "raising",
            "from services.chassis.errors import ServiceError\n\n\ndef f() -> None:\n    raise ServiceError(NO_SUCH)\n",
        ),
    )
    yield Defect("CON07", "services/billing/errors.py", 'TWICE = CODES.register(1200, "TWICE", 404, "Planted")\n')
    yield Defect("CON08", "services/compliance/errors.py", 'NEVER = CODES.register(2598, "NEVER", 404, "Planted")\n')
    yield Defect("CON09", "services/session/openapi.json", " ")
    yield Defect("CON10", "services/point/peers.py", "/v1/internal/nowhere/", "/v1/internal/profiles/")
    yield Defect("CON12", "services/audit/errors.py", "register(2005,", "register(2001,")
    yield Defect("CON13", "services/session/session.proto", "int64 expires_in = 4", "int32 expires_in = 4")
    yield Defect("SEC02", "services/tenant/routes.py", route("open", ""))


_REVISION = '''"""Planted."""

from alembic import op

revision = "{name}"
down_revision = "{after}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the table."""
    op.{up}


def downgrade() -> None:
    """Change it back."""
    op.{down}
'''


def revision(service: str, name: str, up: str, down: str) -> tuple[str, str]:
    """Return path and text of a revision that follows the first of its service."""
    text = _REVISION.format(name=f"{service}_{name}", after=f"{service}_0001", up=up, down=down)
    return f"migrations/{service}/{name}.py", text


def tables() -> Iterator[Defect]:
    """Yield defects of models and revisions."""
    drop, make = 'drop_index("ix_records_title")', 'create_index("ix_records_title", "records", ["title"])'
    execute = 'execute("SELECT 1")'
    yield Defect("DAT04", *revision("point", "0002_left", execute, execute), "", "migrations/point/0003_right.py")
    yield Defect("DAT04", *revision("point", "0003_right", execute, execute))
    yield Defect("DAT06", *revision("billing", "0002_index", make, drop))
    table = 'class Elsewhere(Base):\n    """Planted."""\n\n    __tablename__ = "elsewhere"\n'
    yield Defect("DAT07", *module("elsewhere", f"from services.tenant.models import Base\n\n\n{table}", "tenant"))
    yield Defect("DAT08", "migrations/rbac/0001_records.py", '"""Other records."""', '"""Records."""')
    yield Defect("DAT09", *module("reaching", 'QUERY = "SELECT id FROM email_tokens"\n'))
    yield Defect(
        "DAT10",
        "services/communication/models.py",
        "    request_fingerprint: Mapped[str] = mapped_column(ForeignKey('records.id'))",
        "    request_fingerprint: Mapped[str] = mapped_column(Text)",
    )
    yield Defect("DAT11", *module("naive_column", "from sqlalchemy import DateTime\n\nWHEN = DateTime()\n", "point"))


def debts() -> Iterator[Defect]:
    """Yield debts, and defects of documents."""
    yield Defect("CHK01", "tests/services/broken.py", "def (:\n")
    yield Defect("DEB01", *module("todo", "A = 1  # TODO later\n"))
    yield Defect("DEB02", *module("expired", f'A = 1  {_MARK}[SEC05] reason="planted" until=2020-01-31\n'))
    yield Defect("DEB03", *module("unused", f'A = 1  {_MARK}[SEC05] reason="planted" until=2099-01-31\n'))
    yield Defect("DEB04", *module("dead", "def nobody_calls_this() -> None:\n    print()\n"))
    yield Defect("DEB05", "checks/baseline.txt", "ARC08 services/wallet/long.py 0123456789abcdef\n")
    yield Defect("DOC01", *module("spoilt", 'A = "caf\N{REPLACEMENT CHARACTER}"\n'))
    yield Defect("DOC02", "AGENTS.md", "| wallet | 11999 |", "| wallet | 11007 |")
    yield Defect("DOC03", "AGENTS.md", "\nSee `services/wallet/nowhere.py`.\n")
    yield Defect("DOC04", "stacks/odd.yaml", "version: 1\nservices:\n  nobody: {}\n")


def events() -> Iterator[Defect]:
    """Yield defects of events."""
    yield Defect("EVT01", "services/tenant/events.py", '"tenant.made"', '"tenant.created"')
    yield Defect("EVT02", "services/rbac/events.py", '"record": str(record.id)', '"record_id": str(record.id)')
    yield Defect("EVT03", "services/audit/service.py", "", '"communication.sent",', "services/communication/service.py")
    yield Defect("EVT04", *module("direct", 'async def push(bus: object) -> None:\n    await bus.xadd("wallet", {})\n'))
    yield Defect(
        "EVT05",
        *module(
            "raw", "from services.chassis.bus import Consumer\n\n\ndef start() -> object:\n    return Consumer()\n"
        ),
    )


def runtime() -> Iterator[Defect]:
    """Yield defects that only running would show."""
    yield Defect("RUN01", *module("blocking", "import time\n\n\nasync def nap() -> None:\n    time.sleep(1)\n"))
    yield Defect(
        "RUN02",
        *module("endless", "import aiohttp\n\n\nasync def ask() -> object:\n    return aiohttp.ClientSession()\n"),
    )
    yield Defect(
        "RUN03",
        *module("blind", "def hush() -> None:\n    try:\n        print()\n    except Exception:\n        pass\n"),
    )
    yield Defect(
        "RUN04", *module("lost", "import asyncio\n\n\nasync def spawn() -> None:\n    asyncio.create_task(spawn())\n")
    )
    yield Defect(
        "RUN05",
        *module(
            "escape",
            "async def leak(db: object) -> object:\n    async with db.transaction() as unit:\n        return unit\n",
        ),
    )
    yield Defect(
        "RUN06", *module("unknown", "def read(settings: object) -> object:\n    return settings.no_such_setting\n")
    )
    yield Defect(
        "RUN07",
        *module("naive", "from datetime import datetime\n\n\ndef now() -> object:\n    return datetime.now()\n"),
    )
    yield Defect(
        "RUN08", "services/compliance/service.py", "    spare = MongoDatabase(settings)\n    mongo = ", "    mongo = "
    )


def security() -> Iterator[Defect]:
    """Yield holes."""
    yield Defect("SEC01", *module("secret", f'ACCESS = "{_KEY}"\n'))
    yield Defect(
        "SEC03",
        *module(
            "joined",
            'async def find(db: object, name: str) -> object:\n    return await db.execute(f"SELECT {name}")\n',
        ),
    )
    yield Defect(
        "SEC04",
        *module("chatty", 'def tell(log: object, password: str) -> None:\n    log.info("in", password=password)\n'),
    )
    yield Defect("SEC05", *module("wide", 'HOST = "0.0.0.0"\n'))


def defects() -> list[Defect]:
    """Return all defects that can be planted at once."""
    families = (architecture, contracts, tables, debts, events, runtime, security)
    return [defect for family in families for defect in family()]


def alone() -> list[Defect]:
    """Return the defect that would hide others: documents in which there is nothing to check."""
    return [Defect("CHK00", "AGENTS.md", "```", seen="pyproject.toml", whole=True)]
