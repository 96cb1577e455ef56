from services.chassis.spec import ServiceSpec

SPEC = ServiceSpec(name="billing", summary="billing", port=11013, error_codes=range(2400, 2500), database="postgres")
