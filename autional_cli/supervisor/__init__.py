"""What keeps a platform running: one supervisor per instance, its zygote, its guardian and its control socket."""
