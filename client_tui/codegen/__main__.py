"""`python -m codegen` writes the generated files; `python -m codegen --check` fails when they are not what it would write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from codegen.models import generate_models
from codegen.twins import generate_twins

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "client_tui" / "partita_client"
GENERATED = CLIENT / "models" / "generated"


def formatted(source: str, path: Path) -> str:
    """`source` as the project's formatter writes it, imports sorted."""
    command = [sys.executable, "-m", "ruff"]
    config = ["--config", str(ROOT / "pyproject.toml"), "--stdin-filename", str(path), "-"]
    options = {"text": True, "capture_output": True, "cwd": ROOT}
    for verb in (["check", "--fix-only", "--unsafe-fixes", "--select", "I,RUF022,UP028", "--quiet"], ["format", "--quiet"]):
        done = subprocess.run([*command, *verb, *config], input=source, check=False, **options)  # type: ignore[call-overload]
        if done.returncode:
            raise SystemExit(f"ruff refuses what was generated for {path}:\n{done.stderr}")
        source = done.stdout
    return source


def generated_files() -> dict[Path, str]:
    """Every generated file and what it should say."""
    schema = (ROOT / "schema.graphql").read_text()
    documents = "\n".join(path.read_text() for path in sorted((CLIENT / "documents").glob("*.graphql")))
    files = {GENERATED / f"{name}.py": source for name, source in generate_models(schema, documents).items()}
    files |= {CLIENT / f"{name}.py": source for name, source in generate_twins(CLIENT / "aio").items()}
    return {path: formatted(source, path) for path, source in files.items()}


def main() -> None:
    """Write the files, or with --check say which are out of date."""
    files = generated_files()
    stale = [path for path, source in files.items() if not path.exists() or path.read_text() != source]
    if "--check" in sys.argv[1:]:
        if stale:
            raise SystemExit("Out of date: " + ", ".join(str(path.relative_to(ROOT)) for path in stale) + ". Run `make client`.")
        return
    for path in stale:
        path.write_text(files[path])
        sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
