"""Build one Go tool: write its module, download, compile, and say all the time how far it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from plantwright_cluster.commands import CommandError, environment, run
from plantwright_cluster.locks import locked
from plantwright_cluster.paths import cache_root
from plantwright_cluster.progress import Progress
from plantwright_cluster.tools.modules import module_file, source_file
from plantwright_cluster.tools.table import GoTool
from plantwright_cluster.tools.toolchain import Go

__all__ = ["build", "is_built", "programs_folder"]

_HEARTBEAT_SECONDS = 5.0


def tool_folder(tool: GoTool) -> Path:
    """Return the cache folder of one tool in one version."""
    return cache_root() / "tools" / tool.folder


def programs_folder(tool: GoTool) -> Path:
    """Return the folder that holds the tool's programs once it is built."""
    return tool_folder(tool) / "bin"


def is_built(tool: GoTool) -> bool:
    """Say whether all programs are there; the folder appears only when all of them are."""
    return all((programs_folder(tool) / program).exists() for program in tool.programs)


@dataclass
class _Count:
    """Lines a running compiler has printed: one per package; anything else is kept for the error message."""

    packages: int = 0
    other: list[str] = field(default_factory=list)

    def take(self, line: str) -> None:
        """Count a package's name, or keep the line."""
        text = line.strip()
        if text and " " not in text and not text.startswith("#"):
            self.packages += 1
        else:
            self.other.append(text)

    def take_all(self, lines: Iterable[str]) -> None:
        """Take every line there is so far."""
        for line in lines:
            self.take(line)


def _go(go: Go, folder: Path, *words: str) -> str:
    return run([go.program, *words], env=go.env, cwd=folder)


def _write_module(go: Go, tool: GoTool, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    answer = json.loads(
        run([go.program, "mod", "download", "-json", f"{tool.module}@{tool.version}"], env=go.env, cwd=folder)
    )
    upstream = Path(answer["GoMod"]).read_text()
    (folder / "go.mod").write_text(module_file(tool, upstream))
    (folder / "tools.go").write_text(source_file(tool))


def _download(go: Go, tool: GoTool, folder: Path) -> int:
    """Fetch every module and return how many packages the compiler will have to look at."""
    _write_module(go, tool, folder)
    _go(go, folder, "mod", "tidy")
    return len(_go(go, folder, "list", "-deps", *tool.commands).split())


def _compile_words(go: Go, tool: GoTool, target: Path) -> list[str]:
    flags = " ".join(["-s", "-w", *(f"-X {stamp}" for stamp in tool.stamps)])
    return [str(go.program), "build", "-v", "-trimpath", "-ldflags", flags, "-o", f"{target}/", *tool.commands]


def _report(label: str, count: _Count, total: int, began: float) -> str:
    """Say how far the compiler is; packages it finds in its own cache are never counted, hence "at most"."""
    return f"    {label}: {count.packages} of at most {total} packages compiled, {time.monotonic() - began:.0f} s"


def _watch(words: Sequence[str], go: Go, folder: Path, total: int, label: str, progress: Progress) -> None:
    """Run the compiler and print how far it is every few seconds, whether it says something or not.

    Its words go through a file: a pipe would need a thread to empty it.
    """
    began, count = time.monotonic(), _Count()
    log = folder / "build.log"
    with log.open("w") as written, log.open() as read:
        with subprocess.Popen(words, cwd=folder, env=environment(go.env), stderr=written) as process:
            code = None
            while code is None:
                try:
                    code = process.wait(_HEARTBEAT_SECONDS)
                except subprocess.TimeoutExpired:
                    count.take_all(read)
                    progress.say(_report(label, count, total, began))
        count.take_all(read)
    if code != 0:
        raise CommandError("go build failed:\n" + "\n".join(count.other[-20:]))


def _compile(go: Go, tool: GoTool, folder: Path, total: int, progress: Progress) -> None:
    unfinished = folder / f"bin.{os.getpid()}"
    unfinished.mkdir(exist_ok=True)
    _watch(_compile_words(go, tool, unfinished), go, folder, total, tool.folder, progress)
    shutil.rmtree(programs_folder(tool), ignore_errors=True)
    unfinished.rename(programs_folder(tool))


def build(go: Go, tool: GoTool, progress: Progress) -> None:
    """Build one tool unless another run has done so while we waited."""
    folder = tool_folder(tool)
    with locked(folder.with_suffix(folder.suffix + ".lock")):
        if is_built(tool):
            return
        with progress.step(f"{tool.folder}: download the source"):
            total = _download(go, tool, folder)
        with progress.step(f"{tool.folder}: compile {len(tool.programs)} program(s) from {total} packages"):
            _compile(go, tool, folder, total, progress)
