"""Parameters that other packages carry: found without importing these, and used only if they are the known ones."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from talking_gaussian.errors import UserError


def package_file(package: str, name: str, sha256: str) -> Path:
    """The file `name` inside an installed package. Raises UserError where it is missing or another one."""
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        path = Path(folder) / name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            return path
    raise UserError(
        "parameters_missing",
        f"The parameters {Path(name).name} of the package {package} are missing or not the known ones; create the "
        "environment again: python environments/manage.py create tg_niqe --recreate",
        f"缺少软件包 {package} 的参数文件 {Path(name).name},或与预期不符;请重新创建环境:"
        "python environments/manage.py create tg_niqe --recreate",
    )
