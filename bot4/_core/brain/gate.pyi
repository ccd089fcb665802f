ENTRY_NAMES: tuple[str, ...]
