COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("Platform", ""),
    "ps": ("Platform", ""),
}
