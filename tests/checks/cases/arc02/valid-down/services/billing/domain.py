from services.chassis.errors import ServiceError
