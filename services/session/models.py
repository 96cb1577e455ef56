"""The tables of session."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, DateTime, Index, Integer, LargeBinary, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.chassis.models import Created, Id, Moment, service_metadata


class Base(DeclarativeBase):
    """All tables of session."""

    metadata = service_metadata()


class Session(Base):
    """A session, which is also the family of its refresh tokens: `generation` is the one that is valid now."""

    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'active', 'ended')", name="status"),
        CheckConstraint("(status = 'ended') = (ended_at IS NOT NULL)", name="ended"),
        Index("ix_sessions_user_id_status", "user_id", "status"),
        Index("ix_sessions_expires_at", "expires_at"),
    )

    id: Mapped[Id]
    user_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(Text)
    amr: Mapped[list[str]] = mapped_column(ARRAY(Text))
    client_ip: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str] = mapped_column(Text)
    generation: Mapped[int] = mapped_column(Integer, server_default="0")
    rotated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    mfa_attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    created_at: Mapped[Created]
    expires_at: Mapped[Moment]
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    end_reason: Mapped[str | None] = mapped_column(Text)


class SigningKey(Base):
    """A key that signs or has signed access tokens; the private half is sealed."""

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(Text, primary_key=True)
    private_key: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Created]
