def fail(code: object) -> None:
    raise ServiceError(code, details={"code": 2499})
