from services.billing.base import Base


class Line(Base):
    __tablename__ = "lines"
