# cython: language_level=3
"""How the compiled core was built, so that no figure is ever taken from the wrong build.

The build writes its mode, flags and -march into macros (see setup.py); the instruction set comes from what the
compiler itself said it may use.
"""

from collections import namedtuple

cdef extern from *:
    """
    #ifndef BOT4_BUILD_MODE
    #error "BOT4_BUILD_MODE is not defined: build with setup.py"
    #endif
    #if defined(__clang__)
    #define BOT4_COMPILER "clang " __clang_version__
    #elif defined(__GNUC__)
    #define BOT4_COMPILER "gcc " __VERSION__
    #else
    #define BOT4_COMPILER "unknown"
    #endif

    /* One name a feature the compiler was allowed to use. */
    static const char BOT4_INSTRUCTION_SET[] = ""
    #ifdef __SSE2__
        " sse2"
    #endif
    #ifdef __SSE4_2__
        " sse4.2"
    #endif
    #ifdef __POPCNT__
        " popcnt"
    #endif
    #ifdef __LZCNT__
        " lzcnt"
    #endif
    #ifdef __BMI2__
        " bmi2"
    #endif
    #ifdef __AVX2__
        " avx2"
    #endif
    #ifdef __FMA__
        " fma"
    #endif
    #ifdef __AVX512F__
        " avx512f"
    #endif
    #ifdef __ARM_NEON
        " neon"
    #endif
    #ifdef __ARM_FEATURE_CRC32
        " crc32"
    #endif
        ;
    #if defined(__SANITIZE_THREAD__)
    #define BOT4_SANITIZER "thread"
    #elif defined(__SANITIZE_ADDRESS__)
    #define BOT4_SANITIZER "address"
    #else
    #define BOT4_SANITIZER ""
    #endif
    #if defined(CYTHON_TRACE_NOGIL) && CYTHON_TRACE_NOGIL
    #define BOT4_TRACED 1
    #else
    #define BOT4_TRACED 0
    #endif
    #if defined(__OPTIMIZE__)
    #define BOT4_OPTIMISED 1
    #else
    #define BOT4_OPTIMISED 0
    #endif
    """
    const char* BUILD_MODE "BOT4_BUILD_MODE"
    const char* BUILD_MARCH "BOT4_BUILD_MARCH"
    const char* BUILD_FLAGS "BOT4_BUILD_FLAGS"
    const char* COMPILER "BOT4_COMPILER"
    const char* INSTRUCTION_SET "BOT4_INSTRUCTION_SET"
    const char* SANITIZER "BOT4_SANITIZER"
    const int TRACED "BOT4_TRACED"
    const int OPTIMISED "BOT4_OPTIMISED"
    const char* CYTHON_ABI "CYTHON_ABI"


class BuildError(RuntimeError):
    """The build that is installed is not fit for what was asked of it."""


BuildInfo = namedtuple(
    "BuildInfo",
    ["mode", "march", "flags", "compiler", "cython", "instruction_set", "sanitizer", "is_optimised", "is_traced"],
)
BuildInfo.__doc__ = """How the core was built.

mode : release, debug, coverage or annotate, with ``+sanitizer`` after it where one is compiled in
march : the -march value, ``default`` for the compiler's own
flags : compiler flags of the build, without Python's
compiler, cython : versions
instruction_set : extensions the compiler was allowed to use, such as ``("sse2", "avx2")``
sanitizer : ``thread``, ``address`` or empty
is_optimised : compiled with -O1 or more
is_traced : line tracing for coverage is compiled in
"""


def build_info() -> BuildInfo:
    """Return how this core was built. Any thread may call it.

    >>> build_info().mode.split("+")[0] in ("release", "debug", "coverage", "annotate")
    True
    """
    return BuildInfo(
        mode=BUILD_MODE.decode(),
        march=BUILD_MARCH.decode(),
        flags=BUILD_FLAGS.decode(),
        compiler=COMPILER.decode(),
        cython=CYTHON_ABI.decode().replace("_", "."),
        instruction_set=tuple(INSTRUCTION_SET.decode().split()),
        sanitizer=SANITIZER.decode(),
        is_optimised=bool(OPTIMISED),
        is_traced=bool(TRACED),
    )


def require_release(info: BuildInfo | None = None) -> BuildInfo:
    """Return the build's description, or raise BuildError unless figures taken from it would mean something.

    Parameters
    ----------
    info : BuildInfo, optional
        What to judge; the running build by default.
    """
    if info is None:
        info = build_info()
    if info.mode != "release" or info.sanitizer or info.is_traced or not info.is_optimised:
        raise BuildError(
            f"figures need a release build, this one is {info.mode}"
            + (" with line tracing" if info.is_traced else "")
            + ("" if info.is_optimised else " without optimisation")
            + ": build again with BOT4_BUILD=release"
        )
    return info
