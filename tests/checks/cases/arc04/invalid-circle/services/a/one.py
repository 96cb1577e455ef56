from services.a.two import TWO  # expect: ARC04

ONE = 1
