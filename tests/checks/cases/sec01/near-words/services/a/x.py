password_encryption = "scram-sha-256"
PASSWORD_MIN_LENGTH = 12
ID = "0191f7a4-7b3c-7d1e-8a52-3c6f9d2b1e04"
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
