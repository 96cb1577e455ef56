"""Never listen on 0.0.0.0."""


def f(host: str) -> bool:
    return host in ("0.0.0.0", "::") or host == "0.0.0.0"
