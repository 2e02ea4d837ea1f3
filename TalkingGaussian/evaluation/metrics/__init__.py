"""The registry of metrics: one file each. To add one, write its file and put it into METRICS."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from talking_gaussian.errors import UserError

from evaluation.metric import REGIONS, Metric
from evaluation.metrics import (
    aue,
    brisque,
    f_lmd,
    flicker,
    lmd,
    lmd_centred,
    lmd_normalised,
    lpips_alex,
    lpips_vgg,
    ms_ssim,
    niqe,
    opening,
    psnr,
    rounding,
    ssim,
    sync,
    timing,
)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        lmd.METRIC,
        lmd_normalised.METRIC,
        lmd_centred.METRIC,
        f_lmd.METRIC,
        opening.METRIC,
        rounding.METRIC,
        aue.MOUTH,
        aue.UPPER,
        sync.METRIC,
        sync.CONFIDENCE,
        psnr.METRIC,
        ssim.METRIC,
        ms_ssim.METRIC,
        lpips_alex.METRIC,
        lpips_vgg.METRIC,
        flicker.METRIC,
        niqe.METRIC,
        brisque.METRIC,
        timing.METRIC,
        timing.DURATION,
    )
}


def chosen(names: str) -> list[Metric]:
    """Metrics by their names with commas between, or all for "all". Raises UserError for an unknown one."""
    if names == "all":
        return list(METRICS.values())
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in METRICS]
    if unknown or not wanted:
        known = ", ".join(METRICS)
        name = unknown[0] if unknown else ""
        raise UserError(
            "metric_unknown",
            f"There is no metric {name!r}. Choose from: {known}.",
            f"没有指标 {name!r}。可选:{known}。",
        )
    return [METRICS[name] for name in METRICS if name in wanted]


def listing() -> list[dict[str, Any]]:
    """Every metric as plain values, with what it lacks here (None: nothing)."""
    rows = []
    for metric in METRICS.values():
        lack = metric.lack()
        facts = {name: getattr(metric, name) for name in ("name", "title", "direction", "unit", "source", "licence")}
        rows.append({**facts, "needs": list(metric.needs), "lack": asdict(lack) if lack else None})
    return rows


__all__ = ["METRICS", "REGIONS", "Metric", "chosen", "listing"]
