from services.billing import invoices  # expect: ARC02
from services.billing.service import build  # expect: ARC02
