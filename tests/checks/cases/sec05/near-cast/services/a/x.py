def f(kind: str) -> str:
    return "value" + "::" + kind + f"a::{kind}"
