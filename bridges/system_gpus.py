"""The System tab's rows about GPUs: one a card, with its driver and memory, and whether what is installed can use it.

RTX 50 cards (sm_120) are the usual trouble: a torch that is older than they are finds the card and fails at its first
kernel.
"""

from __future__ import annotations

from typing import Any

from bridges import gpus
from bridges.gpus import Card
from bridges.system_row import Row, both

TRAINING = "python environments/manage.py create talking_gaussian --part training --recreate"
DRAWING = "python environments/manage.py create talking_gaussian --part gpu"
TORCH = "torch==2.13.0"  # as in environments/talking_gaussian/requirements-training.txt
NEWEST_SEPARATE = 75  # sm: PyTorch's standard build has left older cards out since it is made with CUDA 13
Verdict = tuple[str, str, str, str, str]  # state, value (en, zh), fix (en, zh; "" for none)


def gpu_rows() -> list[Row]:
    """One row a card, and one for each part that would use it; a single line where there is no card."""
    cards, fault = gpus.ask_driver()
    if fault:
        return [_driver_row(fault)]
    if not cards:
        value = both("none found; the CPU is enough to make videos", "未找到;用 CPU 即可生成视频")
        return [Row("gpu", "info", both("GPU", "显卡"), value)]
    torch, warp = gpus.facts_of("training"), gpus.facts_of("gpu")
    rows = []
    for card in cards:
        rows.append(card_row(card))
        rows.append(part_row(f"gpu:{card.index}:warp", f"GPU {card.index}: Warp", warp_verdict(card, warp)))
        rows.append(part_row(f"gpu:{card.index}:torch", f"GPU {card.index}: torch", torch_verdict(card, torch)))
    return rows


def _driver_row(fault: str) -> Row:
    fix = both(
        "Install NVIDIA's current driver and restart the machine; until then the CPU does the work.",
        "请安装最新的 NVIDIA 驱动并重启;在此之前由 CPU 完成工作。",
    )
    return Row("gpu", "warn", both("GPU", "显卡"), both(fault, fault), fix)


def card_row(card: Card) -> Row:
    """Name, memory, driver and compute capability."""
    used, total = card.used_mb / 1024, card.memory_mb / 1024
    sm = f"sm_{card.sm}"
    value = both(
        f"{card.name}, {used:.1f} of {total:.1f} GB used, driver {card.driver}, {sm}",
        f"{card.name},显存已用 {used:.1f} / {total:.1f} GB,驱动 {card.driver},{sm}",
    )
    return Row(f"gpu:{card.index}", "ok", both(f"GPU {card.index}", f"显卡 {card.index}"), value)


def part_row(key: str, title: str, verdict: Verdict) -> Row:
    """A verdict as a row."""
    state, en, zh, fix_en, fix_zh = verdict
    return Row(
        key, state, both(title, title.replace("GPU", "显卡")), both(en, zh), both(fix_en, fix_zh) if fix_en else None
    )


def warp_verdict(card: Card, facts: dict[str, Any] | None) -> Verdict:
    """Whether Warp, which draws avatars on a card, can use this one. facts: `gpus.facts_of("gpu")`."""
    if facts is None:
        return (
            *("info", "not installed: the CPU draws and trains avatars", "未安装:由 CPU 绘制和训练头像"),
            *(f"To draw and train on this card: {DRAWING}", f"要用此显卡绘制和训练:{DRAWING}"),
        )
    if not facts:
        return "bad", "does not load", "无法加载", *_run(f"{DRAWING} --recreate")
    name = f"Warp {facts['version']}"
    if card.sm in facts["cards"]:
        return "ok", f"{name} can draw on this card", f"{name} 可以用此显卡绘制", "", ""
    return (
        *("bad", f"{name} does not see this card", f"{name} 看不到此显卡"),
        f"Install NVIDIA's current driver (now {card.driver}) and restart; until then --gpu cpu draws.",
        f"请安装最新的 NVIDIA 驱动(当前为 {card.driver})并重启;在此之前请使用 --gpu cpu。",
    )


def torch_verdict(card: Card, facts: dict[str, Any] | None) -> Verdict:
    """Whether the training part's torch has code for this card. facts: `gpus.facts_of("training")`."""
    if facts is None:
        return "info", "the training part is not installed", "未安装训练组件", "", ""
    if not facts:
        return "bad", "torch does not load", "torch 无法加载", *_run(TRAINING)
    name = f"torch {facts['version']}"
    if facts["cuda"] is None:
        return "warn", f"{name} was built without CUDA", f"{name} 不含 CUDA", *_newer_torch(card)
    if not gpus.built_for(facts["archs"], card.sm):
        has = " ".join(facts["archs"])
        return (
            *("bad", f"{name} has no code for sm_{card.sm}, only for {has}"),
            *(f"{name} 没有适用于 sm_{card.sm} 的代码,仅支持 {has}", *_newer_torch(card)),
        )
    if not facts["works"]:
        cuda = facts["cuda"]
        return (
            *("bad", f"{name} cannot start CUDA {cuda}", f"{name} 无法启动 CUDA {cuda}"),
            f"Install a driver for CUDA {cuda} or newer (now {card.driver}) and restart.",
            f"请安装支持 CUDA {cuda} 或更新版本的驱动(当前为 {card.driver})并重启。",
        )
    return (
        *("ok", f"{name} (CUDA {facts['cuda']}) can use this card; Warp, not torch, draws on it"),
        *(f"{name}(CUDA {facts['cuda']})可以使用此显卡;绘制由 Warp 而非 torch 完成", "", ""),
    )


def _newer_torch(card: Card) -> tuple[str, str]:
    """The line that brings a torch with code for this card."""
    if card.sm < NEWEST_SEPARATE:
        return (
            f"PyTorch's standard build leaves sm_{card.sm} out: use --gpu cpu, or its build for CUDA 12.6.",
            f"PyTorch 标准版不再支持 sm_{card.sm}:请使用 --gpu cpu,或其 CUDA 12.6 版本。",
        )
    conda = f'conda run -n talking_gaussian python -m pip install --force-reinstall "{TORCH}"'
    return (
        f"Run: {TRAINING} (in a conda environment of your own: {conda})",
        f"请运行:{TRAINING}(若使用自己的 conda 环境:{conda})",
    )


def _run(command: str) -> tuple[str, str]:
    return f"Run: {command}", f"请运行:{command}"
