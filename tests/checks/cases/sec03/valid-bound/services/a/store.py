from sqlalchemy import text

QUERY = text("SELECT * FROM users WHERE id = :id")
