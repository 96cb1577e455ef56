"""The bus as a person sees it: what was published, and what a service gave up."""
