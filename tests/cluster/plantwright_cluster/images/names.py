"""How an image is called by people, by Docker, by buildah and by the kubelet. Pure."""

from __future__ import annotations

import re

__all__ = ["archive_name", "normalised"]


def normalised(tag: str) -> str:
    """Return the full name the kubelet looks an image up by: `app:1` means `docker.io/library/app:1`, as Docker has it."""
    name, _, version = tag.rpartition(":") if ":" in tag.rsplit("/", 1)[-1] else (tag, "", "latest")
    first, slash, _ = name.partition("/")
    has_host = bool(slash) and (first == "localhost" or "." in first or ":" in first)
    if not has_host:
        name = f"docker.io/{name}" if slash else f"docker.io/library/{name}"
    return f"{name}:{version}"


def archive_name(tag: str) -> str:
    """Return the file name of an image's archive in the cache."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", normalised(tag)) + ".tar"
