from services.chassis.spec import ServiceSpec

SPEC = ServiceSpec(name="other", summary="other", port=11014, error_codes=range(2500, 2600), publishes=("other.said",))
