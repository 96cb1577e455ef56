from services.chassis.spec import ServiceSpec

SPEC = ServiceSpec(name="wallet", summary="wallet", port=11007, error_codes=range(1800, 1900))
