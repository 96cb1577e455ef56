"""The tables of mfa."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.chassis.models import Created, service_metadata


class Base(DeclarativeBase):
    """All tables of mfa."""

    metadata = service_metadata()


class TotpCredential(Base):
    """A user's authenticator app. `last_step` is the last accepted time step: a step is accepted once."""

    __tablename__ = "totp_credentials"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_step: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[Created]


class RecoveryCode(Base):
    """An unused recovery code; only its hash is kept, and it is deleted when used."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class Failures(Base):
    """Wrong codes of a user in the present window."""

    __tablename__ = "failures"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    since: Mapped[Created]
