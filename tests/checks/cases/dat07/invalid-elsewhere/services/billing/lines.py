from services.billing.models import Base


class Line(Base):  # expect: DAT07
    __tablename__ = "lines"
