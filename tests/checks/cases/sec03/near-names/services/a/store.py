import sqlalchemy as sa
from sqlalchemy import text

from services.a.box import Menu

TABLE = "users"
COLUMNS = ("a", "b")


class Box:
    def text(self, words: str) -> str:
        return words

    def execute(self, words: str) -> str:
        return words


def own(session, n, names, log):
    Box().text(f"select {n} from the menu")
    box = Box()
    box.text(f"select {n} from the menu")
    box.execute(f"update {n} of the menu")
    Menu().text(f"select {n} from the menu")
    Menu().execute(f"delete from {n}")
    words = f"select {n} from the menu"
    print(words)
    log.info(f"update {n}")
    session.execute(sa.select(sa.text("a")).where(sa.text("b = :b")), {"b": f"select {n}"})
    q = "SELECT * FROM " + TABLE
    session.execute(text(q))
    session.execute(text(f"SELECT {', '.join(['a', 'b'])} FROM {TABLE}"))
    session.execute(text("SELECT :n").bindparams(n=n))
    session.execute(text("SELECT * FROM users WHERE id = ANY(:names)"), {"names": names})
    session.fetch(f"https://example.test/select/{n}")
    session.fetch(f"Do not {n}")
