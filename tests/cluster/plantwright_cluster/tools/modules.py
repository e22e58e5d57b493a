"""Write the small Go module that builds somebody else's commands. Pure text in, text out.

`go install pkg@version` refuses Kubernetes, because its go.mod replaces the staging modules by folders. A module of our
own that names the same modules by version builds the same programs.
"""

from __future__ import annotations

import re

from plantwright_cluster.tools.table import GoTool

__all__ = ["go_line", "module_file", "source_file", "staging_modules"]

_STAGING = re.compile(r"^\s*(\S+) => \./staging/", re.MULTILINE)
_GO_LINE = re.compile(r"^go (\S+)$", re.MULTILINE)


def staging_modules(upstream: str) -> list[str]:
    """Return the modules that an upstream go.mod replaces by folders of its own repository."""
    return _STAGING.findall(upstream)


def go_line(upstream: str) -> str:
    """Return the Go version an upstream go.mod asks for."""
    found = _GO_LINE.search(upstream)
    return found.group(1) if found else "1.24"


def module_file(tool: GoTool, upstream: str) -> str:
    """Return the go.mod of our own module; staging modules carry the same version with a 0 in front."""
    staging_version = tool.version.replace("v1.", "v0.", 1)
    replaced = "".join(f"\t{name} => {name} {staging_version}\n" for name in staging_modules(upstream))
    replace = f"\nreplace (\n{replaced})\n" if replaced else ""
    return f"module plantwright.local/{tool.name}\n\ngo {go_line(upstream)}\n\nrequire {tool.module} {tool.version}\n{replace}"


def source_file(tool: GoTool) -> str:
    """Return a file that names the commands, so that `go mod tidy` keeps what they need; it is never compiled itself."""
    imports = "".join(f'\t_ "{command}"\n' for command in tool.commands)
    return f"//go:build tools\n\npackage tools\n\nimport (\n{imports})\n"
