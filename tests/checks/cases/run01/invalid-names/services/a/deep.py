from services.a.slow import rest as far
