from services.chassis.spec import ServiceSpec

SPEC = ServiceSpec(name="point", summary="point", port=11008, error_codes=range(1900, 2000), calls=("billing",), invokes=("billing GET /v1/internal/invoices/{id}",))
