class User(Base):
    __tablename__ = "users"


class Outbox(Base):
    __tablename__ = "outbox"
