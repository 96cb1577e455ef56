"""`autional new`: from a wish to the files of a service. Everything is rendered in memory and then written, or not."""
