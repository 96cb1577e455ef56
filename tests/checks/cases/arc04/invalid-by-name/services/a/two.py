from services.a import one
