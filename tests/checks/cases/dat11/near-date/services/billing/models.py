from sqlalchemy.orm import DeclarativeBase

from services.chassis.models import service_metadata


class Base(DeclarativeBase):
    metadata = service_metadata()


class Invoice(Base):
    __tablename__ = "invoices"

    day: Mapped[date] = mapped_column(Date)
    other: DateTime = 1
