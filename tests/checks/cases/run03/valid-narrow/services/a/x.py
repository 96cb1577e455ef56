try:
    print()
except ValueError:
    print()
