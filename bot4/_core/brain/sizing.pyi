SIZE_NAMES: tuple[str, ...]
