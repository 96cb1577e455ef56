A  # expect: SEC02
B  # expect: SEC02
C  # expect: SEC02
