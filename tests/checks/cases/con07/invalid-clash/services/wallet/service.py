from services.chassis.spec import ServiceSpec

SPEC = ServiceSpec(
    name="wallet",
    summary="wallet",
    port=11007,
    error_codes=range(2450, 2500),  # expect: CON07
)
