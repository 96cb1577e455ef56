from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column


class Invoice(Base):
    __tablename__ = "invoices"

    id: Mapped[int] = mapped_column(primary_key=True)


class Line(Base):
    __tablename__ = "lines"

    invoice_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)  # expect: DAT09
