import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase

from services.chassis.models import service_metadata


class Base(DeclarativeBase):
    metadata = service_metadata()


class Invoice(Base):
    __tablename__ = "invoices"

    at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
