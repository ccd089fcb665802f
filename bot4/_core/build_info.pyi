from typing import NamedTuple

class BuildError(RuntimeError): ...

class BuildInfo(NamedTuple):
    mode: str
    march: str
    flags: str
    compiler: str
    cython: str
    instruction_set: tuple[str, ...]
    sanitizer: str
    is_optimised: bool
    is_traced: bool

def build_info() -> BuildInfo: ...
def require_release(info: BuildInfo | None = None) -> BuildInfo: ...
