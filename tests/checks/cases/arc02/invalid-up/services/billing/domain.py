from sqlalchemy import select  # expect: ARC02
from services.chassis.db import Database  # expect: ARC02
from services.billing.store import VALUE  # expect: ARC02
