SOURCE_NAMES: tuple[str, ...]
ALPHA_NAMES: tuple[str, ...]
REGIME_NAMES: tuple[str, ...]
