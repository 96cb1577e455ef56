TEXT = "A note from users about select things"
QUERY = "SELECT count(*) FROM pg_class"
