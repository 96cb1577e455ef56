"""The tables of notification."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, Integer, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.chassis.models import Created, Id, notify_inserts, service_metadata


class Base(DeclarativeBase):
    """All tables of notification."""

    metadata = service_metadata()


class Recipient(Base):
    """Where a user gets mail."""

    __tablename__ = "recipients"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(Text)


class Delivery(Base):
    """An e-mail that is to be sent; it stays until it is sent or refused for good."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'sent', 'failed')", name="status"),
        Index("ix_deliveries_due", "next_attempt_at", postgresql_where=text("status = 'pending'")),
    )

    id: Mapped[Id]
    user_id: Mapped[UUID] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    status: Mapped[str] = mapped_column(Text, server_default="pending")
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    next_attempt_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    traceparent: Mapped[str] = mapped_column(Text, server_default="")
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Created]
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


notify_inserts(Base.metadata.tables[Delivery.__tablename__])


class Message(Base):
    """A message inside the application."""

    __tablename__ = "messages"
    __table_args__ = (Index("ix_messages_user_id_id", "user_id", "id"),)

    id: Mapped[Id]
    user_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Created]
    read_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Muted(Base):
    """A kind of e-mail that a user does not want."""

    __tablename__ = "muted"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
