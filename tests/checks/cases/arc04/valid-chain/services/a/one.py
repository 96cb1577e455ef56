from services.a.two import TWO

ONE = 1
