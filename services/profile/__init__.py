"""Profile owns what a user tells about themselves: name, language, time zone, preferences."""
