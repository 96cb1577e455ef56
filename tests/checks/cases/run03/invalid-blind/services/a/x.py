try:
    print()
except Exception:  # expect: RUN03
    print()

try:
    print()
except:  # expect: RUN03
    pass
