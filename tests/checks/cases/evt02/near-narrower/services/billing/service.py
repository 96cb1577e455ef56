from services.chassis.spec import ServiceSpec

SPEC = ServiceSpec(
    name="billing",
    summary="",
    port=11013,
    error_codes=range(2400, 2500),
    publishes=("invoice.paid",),
    consumes=(),
)
