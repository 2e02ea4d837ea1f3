"""CosyVoice on this machine: its code, its model folders, and what they lack."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from talking_gaussian.errors import UserError

PROJECT = Path(__file__).resolve().parents[2]
COMMON = ("llm.pt", "flow.pt", "hift.pt", "campplus.onnx")
BLANK = tuple(
    f"CosyVoice-BlankEN/{name}"
    for name in ("config.json", "generation_config.json", "tokenizer_config.json", "vocab.json", "merges.txt")
)
NEEDED = {
    1: ("cosyvoice.yaml", "speech_tokenizer_v1.onnx", *COMMON),
    2: ("cosyvoice2.yaml", "speech_tokenizer_v2.onnx", *COMMON, *BLANK, "CosyVoice-BlankEN/model.safetensors"),
    3: ("cosyvoice3.yaml", "speech_tokenizer_v3.onnx", *COMMON, *BLANK, "CosyVoice-BlankEN/model.safetensors"),
}
PACKAGES = ("torch", "torchaudio", "transformers", "hyperpyyaml", "whisper", "modelscope")
SPOKEN: dict[int, tuple[str, ...]] = {1: ("zh", "en", "ja", "ko", "yue"), 2: ("zh", "en", "ja", "ko", "yue")}
SPOKEN[3] = ("zh", "en", "ja", "ko", "yue", "de", "es", "fr", "it", "ru")


@dataclass(frozen=True)
class ModelFolder:
    """A usable model folder. version: 1, 2 or 3."""

    path: Path
    version: int


def models_root() -> Path:
    """Where models and CosyVoice's code are kept: models/cosyvoice under TFG_HOME (default: the project)."""
    return Path(os.environ.get("TFG_HOME") or PROJECT).expanduser().resolve() / "models" / "cosyvoice"


def default_source() -> Path:
    """Where get_upstream.sh puts CosyVoice's code; COSYVOICE_SOURCE names another place."""
    told = os.environ.get("COSYVOICE_SOURCE")
    return Path(told).expanduser().absolute() if told else models_root() / "source"


def open_folder(path: Path) -> ModelFolder:
    """What lies in a model folder. Raises UserError where it does not exist, is none, or lacks files."""
    if not path.is_dir():
        raise UserError(
            "no_model",
            f"There is no model folder {path.name!r}. Check the path, or fetch one: bash CosyVoice/get_weights.sh list",
            f"没有模型文件夹 {path.name!r}。请检查路径,或先下载:bash CosyVoice/get_weights.sh list",
        )
    version = next((v for v, files in NEEDED.items() if (path / files[0]).is_file()), None)
    if version is None:
        raise UserError(
            "not_a_model",
            f"{path.name!r} is no CosyVoice model: it has no cosyvoice.yaml, cosyvoice2.yaml or cosyvoice3.yaml.",
            f"{path.name!r} 不是 CosyVoice 模型:其中没有 cosyvoice.yaml、cosyvoice2.yaml 或 cosyvoice3.yaml。",
        )
    missing = [name for name in NEEDED[version] if not (path / name).is_file() or not (path / name).stat().st_size]
    if missing:
        listed = ", ".join(missing[:4]) + (" …" if len(missing) > 4 else "")
        raise UserError(
            "model_incomplete",
            f"The model folder {path.name!r} lacks {listed}. Fetch it again: bash CosyVoice/get_weights.sh",
            f"模型文件夹 {path.name!r} 缺少 {listed}。请重新下载:bash CosyVoice/get_weights.sh",
        )
    return ModelFolder(path, version)


def find_models() -> list[ModelFolder]:
    """The usable model folders under models_root(), the newest version first."""
    found = []
    for path in sorted(models_root().iterdir()) if models_root().is_dir() else ():
        try:
            found.append(open_folder(path))
        except UserError:  # a folder that is something else, or half there: `list` names what it lacks
            continue
    return sorted(found, key=lambda model: -model.version)


def check_source(path: Path) -> Path:
    """The folder of CosyVoice's code. Raises UserError where it or Matcha-TTS is not there."""
    for part, what in (("cosyvoice/cli/cosyvoice.py", "CosyVoice"), ("third_party/Matcha-TTS/matcha", "Matcha-TTS")):
        if not (path / part).exists():
            raise UserError(
                "no_source",
                f"The code of {what} is not there. Fetch it with: bash CosyVoice/get_upstream.sh",
                f"缺少 {what} 的代码。请运行:bash CosyVoice/get_upstream.sh",
            )
    return path


def check_packages() -> None:
    """Raise UserError where this Python lacks what CosyVoice imports."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        command = "python environments/manage.py create cosyvoice --part cloning"
        raise UserError(
            "no_cloning_part",
            f"The environment lacks what CosyVoice needs ({', '.join(missing)}). Create it with: {command}",
            f"环境缺少 CosyVoice 所需的组件({', '.join(missing)})。请运行:{command}",
        )
