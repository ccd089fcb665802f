from __future__ import annotations

import pytest

from bot4._core.build_info import BuildError, build_info, require_release


def test_build_describes_itself() -> None:
    info = build_info()
    assert info.mode.split("+")[0] in ("release", "debug", "coverage", "annotate")
    assert info.compiler.split()[0] in ("gcc", "clang")
    assert "-ffp-contract=off" in info.flags
    assert "-ffast-math" not in info.flags
    assert info.cython.startswith("3.")
    assert all(name == name.lower() for name in info.instruction_set)


def test_march_of_the_flags_and_instruction_set_agree() -> None:
    info = build_info()
    if info.march == "x86-64-v3":
        assert "-march=x86-64-v3" in info.flags
        assert {"avx2", "bmi2", "fma"} <= set(info.instruction_set)
        assert "avx512f" not in info.instruction_set


def release() -> object:
    return build_info()._replace(mode="release", sanitizer="", is_traced=False, is_optimised=True)


def test_release_build_is_let_through() -> None:
    assert require_release(release()) == release()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mode": "debug"}, "this one is debug"),
        ({"mode": "release+thread", "sanitizer": "thread"}, r"this one is release\+thread"),
        ({"is_traced": True}, "with line tracing"),
        ({"is_optimised": False}, "without optimisation"),
    ],
)
def test_any_other_build_is_refused_for_figures(change: dict[str, object], words: str) -> None:
    with pytest.raises(BuildError, match=words):
        require_release(release()._replace(**change))


def test_running_build_is_judged_by_default() -> None:
    if build_info() == release():
        assert require_release() == build_info()
    else:
        with pytest.raises(BuildError):
            require_release()
