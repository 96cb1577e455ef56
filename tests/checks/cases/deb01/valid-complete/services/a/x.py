# TODO(P1, ada, 2026-11-22): split this when billing exists
A = 1
