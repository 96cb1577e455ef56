from services.chassis.spec import ServiceSpec

SPEC = ServiceSpec(name="wallet", summary="wallet", port=11007, error_codes=range(2500, 2600))
