"""Import contract: who may import whom, compiled modules included.

    python ci/import_contract.py [ROOT]

import-linter reads Python files only. So a shadow of the package is written in which each .pyx and .pxd becomes a .py
that holds nothing but its imports, and that is linted. What such a shadow cannot show is banned: relative cimports,
``from package cimport module`` and ``include``. A room that exists and has no place in the layers below fails.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
from pathlib import Path

import cython_text

ROOT = Path(__file__).resolve().parents[1]

# Highest first; `|` between rooms that may not see each other. A room in brackets need not exist yet.
ROOMS = [
    "(__main__)",
    "(entrypoints)",
    "(bootstrap)",
    "(adapters) | (application)",
    "(strategy)",
    "(models)",
    "(features) | (quant)",
    "(ports) | (dto) | (config)",
    "(domain)",
    "_core",
]
APPLICATION_ROOMS = [
    "(session) | (evidence)",
    "(live)",
    "(orders) | (backtest)",
    "(records)",
    "(past)",
    "(assembly) | (commands)",
]
CORE_ROOMS = [
    "(engine)",
    "(brain)",
    "(ta) | (sim)",
    "(risk)",
    "(account)",
    "(book)",
    "(wire)",
    "(journal)",
    "(mem)",
    "(clock) | (histogram) | (build_info)",
    "(array_dtypes) | (event_dtype) | (intent_dtype) | (reasons_dtype)",
    "types",
]
# Libraries that talk to the outside; only adapters and entrypoints may.
IO_LIBRARIES = {
    *("aiohttp", "aiosqlite", "asyncpg", "fastapi", "grpc", "http", "httpx", "onnxruntime", "picows"),
    *("prometheus_client", "psycopg", "psycopg_pool", "redis", "requests", "smtplib", "socket", "socketserver"),
    *("sqlite3", "ssl", "starlette", "urllib3", "uvicorn", "uvloop", "valkey", "websocket", "websockets", "zmq"),
}
IO_ROOMS = {"adapters", "entrypoints"}
# Libraries of the terminal; only entrypoints may.
TERMINAL_LIBRARIES = {"click", "rich", "textual"}
COMPILED = {"libc", "libcpp", "cpython", "cython"}


def module_name(path: Path, root: Path) -> str:
    """Return the dotted name of a source file."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def banned_forms(path: Path, root: Path) -> list[str]:
    """Return what a .pyx or .pxd does that the shadow cannot follow."""
    source = path.read_text(encoding="utf-8")
    name = path.relative_to(root)
    found = [f"{name}:{line}: include glues files into one compile unit" for line in cython_text.includes(source)]
    for entry in cython_text.imports(source):
        verb = "cimport" if entry.is_cimport else "import"
        if entry.module.startswith("."):
            found.append(f"{name}:{entry.line}: relative {verb} from {entry.module!r}")
        elif entry.is_cimport and entry.names and (root / Path(*entry.module.split("."))).is_dir():
            found.append(f"{name}:{entry.line}: from package cimport module: {entry.module} cimport {entry.names[0]}")
    return found


def shadow_lines(path: Path) -> list[str]:
    """Return the imports of one .pyx or .pxd as Python lines."""
    lines = []
    for entry in cython_text.imports(path.read_text(encoding="utf-8")):
        if entry.module.startswith(".") or entry.module.partition(".")[0] in COMPILED:
            continue
        if entry.names and not entry.is_cimport:
            lines.append(f"from {entry.module} import {', '.join(entry.names)}")
        else:
            lines.append(f"import {entry.module}")
    return lines


def loaded_by_name(tree: ast.AST) -> list[str]:
    """Return the modules that a file loads by import_module("literal")."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)
    named = (c.args[0] for c in calls if ast.unparse(c.func).split(".")[-1] in ("import_module", "__import__"))
    return [arg.value for arg in named if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]


def externals_of(tree: ast.AST) -> set[str]:
    """Return the top-level names of the absolute imports of a file."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def write_shadow(root: Path, shadow: Path) -> tuple[list[str], set[str]]:
    """Write the shadow tree; return the banned forms found and the outside packages imported anywhere."""
    texts: dict[str, list[str]] = {}
    problems: list[str] = []
    externals: set[str] = set()
    for path in sorted((root / "bot4").rglob("*")):
        if path.suffix == ".py":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            lines = [ast.unparse(tree), *(f"import {name}" for name in loaded_by_name(tree))]
        elif path.suffix in (".pyx", ".pxd"):
            problems += banned_forms(path, root)
            lines = shadow_lines(path)
        else:
            continue
        texts.setdefault(str(path.relative_to(root).with_suffix(".py")), []).extend(lines)
    for name, lines in texts.items():
        target = shadow / name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(lines) + "\n"
        target.write_text(text, encoding="utf-8")
        externals |= externals_of(ast.parse(text))
        is_inside = name != "bot4/__init__.py"
        if is_inside and any(
            line.split() == ["import", "bot4"] or line.startswith("from bot4 import") for line in lines
        ):
            problems.append(f"{name}: imports the package's front door; name the module")
    return problems, externals


def contract(name: str, kind: str, **settings: object) -> str:
    """One contract in import-linter's TOML; a list prints one entry a line."""
    lines = ["[[tool.importlinter.contracts]]", f'name = "{name}"', f'type = "{kind}"']
    for key, value in settings.items():
        if isinstance(value, (list, set)):
            entries = value if isinstance(value, list) else sorted(value)
            lines += [f"{key} = [", *(f'    "{entry}",' for entry in entries), "]"]
        else:
            lines.append(f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}")
    return "\n".join(lines)


def write_contracts(shadow: Path, externals: set[str]) -> Path:
    """Write the contracts that apply to the rooms there are."""
    rooms = {path.stem for path in (shadow / "bot4").iterdir() if path.stem != "__init__"}
    outside = externals - {"bot4"}
    parts = ['[tool.importlinter]\nroot_package = "bot4"\ninclude_external_packages = true']
    for title, container, layers in (
        ("rooms", "bot4", ROOMS),
        ("application rooms", "bot4.application", APPLICATION_ROOMS),
        ("core rooms", "bot4._core", CORE_ROOMS),
    ):
        if container == "bot4.application" and not (shadow / "bot4" / "application").is_dir():
            continue
        parts.append(contract(title, "layers", layers=layers, containers=[container], exhaustive=True))

    def forbid(title: str, sources: set[str], forbidden: set[str]) -> None:
        if sources & rooms and forbidden:
            modules = {f"bot4.{room}" for room in sources & rooms}
            settings = {"source_modules": modules, "forbidden_modules": forbidden}
            parts.append(contract(title, "forbidden", **settings, allow_indirect_imports=True))

    forbid("io libraries only in adapters and entrypoints", rooms - IO_ROOMS, IO_LIBRARIES & outside)
    forbid("terminal libraries only in entrypoints", rooms - {"entrypoints"}, TERMINAL_LIBRARIES & outside)
    forbid("domain needs the standard library only", {"domain"}, outside - set(sys.stdlib_module_names))
    if "adapters" in rooms:
        forbid("entrypoints get adapters from bootstrap", {"entrypoints"}, {"bot4.adapters"})
        families = sorted((shadow / "bot4" / "adapters").glob("[!_]*"))
        if len(families) > 1:
            modules = [f"bot4.adapters.{family.stem}" for family in families]
            parts.append(contract("adapter families do not see each other", "independence", modules=modules))
    path = shadow / "contracts.toml"
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return path


def main(root: Path = ROOT) -> int:
    """Lint the package under `root`; 0 kept, 1 broken."""
    with tempfile.TemporaryDirectory() as temporary:
        shadow = Path(temporary)
        problems, externals = write_shadow(root, shadow)
        config = write_contracts(shadow, externals)
        command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
        command += ["--config", str(config), "--no-cache", "--no-logo"]
        done = subprocess.run(command, cwd=shadow, capture_output=True, text=True, check=False)
    print(done.stdout.strip(), done.stderr.strip(), sep="\n")
    for problem in problems:
        print(f"FAILED {problem}")
    is_broken = bool(problems) or done.returncode != 0
    print(f"import contract: {'broken' if is_broken else 'kept'}")
    return 1 if is_broken else 0


if __name__ == "__main__":
    sys.exit(main(*(Path(argument).resolve() for argument in sys.argv[1:2])))
