QUERY = "SELECT * FROM users"  # expect: DAT09
