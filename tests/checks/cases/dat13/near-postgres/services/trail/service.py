from services.chassis.spec import ServiceSpec

SPEC = ServiceSpec(name="trail", summary="trail", port=11014, error_codes=range(2500, 2600), database="mongo")
