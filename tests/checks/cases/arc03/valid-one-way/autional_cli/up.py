from services.billing.service import SPEC
