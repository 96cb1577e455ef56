PATTERN = "\d"
