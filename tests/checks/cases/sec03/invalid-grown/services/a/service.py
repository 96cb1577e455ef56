from services.chassis.spec import ServiceSpec

SPEC = ServiceSpec(name="a", summary="a", port=11000, error_codes=range(1100, 1200), database="postgres")
