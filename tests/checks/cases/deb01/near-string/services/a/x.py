A = "TODO: not a comment"  # the word TODOS is not a marker
