from services.a.three import THREE

TWO = 2
