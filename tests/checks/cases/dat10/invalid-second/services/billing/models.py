from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column


class Invoice(Base):
    __tablename__ = "invoices"

    id: Mapped[int] = mapped_column(primary_key=True)


class Line(Base):
    __tablename__ = "lines"
    __table_args__ = (Index("ix_lines", "id", "invoice_id"),)

    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoices.id"))  # expect: DAT10
