"""Comparisons as JSON, text, CSV and LaTeX rows, and the folder that a report is kept in."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from talking_gaussian.progress import Progress
from talking_gaussian.video.frames import VideoInfo

from evaluation.measure import Comparison, Row
from evaluation.metric import Metric
from evaluation.pictures import write_pair, write_worst

VERSION = 1
ARROWS = {"higher": "↑", "lower": "↓", "zero": "→ 0", "none": ""}
_LATEX_ARROWS = {"higher": r"$\uparrow$", "lower": r"$\downarrow$", "zero": r"$\rightarrow 0$", "none": ""}
_REGIONS = {"full": ("full frame", "全画面"), "face": ("face", "脸部"), "mouth": ("mouth", "嘴部")}


@dataclass(frozen=True)
class Result:
    """A comparison and what its output is called; worst: what `evaluation.pictures.write_worst` wrote."""

    name: str
    comparison: Comparison
    worst: list[dict[str, Any]] = field(default_factory=list)


def as_json(result: Result) -> dict[str, Any]:
    """The report as plain values: files, alignment, notes, one entry a figure, what is missing. Curves are apart."""
    comparison = result.comparison
    alignment = comparison.alignment
    return {
        "version": VERSION,
        "name": result.name,
        "output": _file(alignment.output.name, alignment.output_info),
        "reference": _file(alignment.reference.name, alignment.reference_info),
        "alignment": {
            "fps": round(alignment.fps, 4),
            "frames": alignment.frames,
            "start_s": alignment.start_s,
            "width": alignment.size[0],
            "height": alignment.size[1],
        },
        "faces": dict(zip(("output", "reference"), comparison.faces, strict=True)),
        "notes": [asdict(note) for note in comparison.notes],
        "metrics": [_row(row) for row in comparison.rows],
        "missing": [
            {"name": metric.name, "title": metric.title, "en": lack.en, "zh": lack.zh, "action": lack.action}
            for metric, lack in comparison.missing
        ],
        "worst": result.worst,
        "took_s": round(comparison.took_s, 2),
    }


def write_pictures(result: Result, folder: Path, progress: Progress) -> Result:
    """Curves, worst frames, and both videos side by side into `folder`; returns the result with its worst frames."""
    folder.mkdir(parents=True, exist_ok=True)
    write_pair(result.comparison.alignment, folder / "pair.mp4", progress.step)
    (folder / "frames.json").write_text(json.dumps(curves_json(result.comparison)), encoding="utf-8")
    (folder / "frames.csv").write_text(curves_csv(result.comparison), encoding="utf-8")
    return replace(result, worst=write_worst(result.comparison, folder))


def write_tables(results: Sequence[Result], folder: Path) -> None:
    """report.json ({"results": [a report an output]}), metrics.csv and table.tex."""
    report = {"results": [as_json(result) for result in results]}
    (folder / "report.json").write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    (folder / "metrics.csv").write_text(as_csv(results), encoding="utf-8")
    (folder / "table.tex").write_text(as_latex(results), encoding="utf-8")


def curves_json(comparison: Comparison) -> dict[str, Any]:
    """{"fps", "start_s", "curves": {key: [T] numbers or null}}."""
    alignment = comparison.alignment
    curves = {
        key: [round(value, 4) if math.isfinite(value) else None for value in curve.tolist()]
        for key, curve in comparison.curves.items()
    }
    return {"fps": alignment.fps, "start_s": alignment.start_s, "curves": curves}


def as_csv(results: Sequence[Result]) -> str:
    """One line a figure."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["method", "metric", "region", "value", "std", "real", "frozen", "unit", "direction", "source"])
    for result in results:
        for row in result.comparison.rows:
            metric = row.metric
            numbers = [_plain(number) for number in (row.value, row.spread, row.real, row.frozen)]
            facts = (metric.unit, metric.direction, metric.source)
            table.writerow([result.name, metric.name, row.region, *numbers, *facts])
    return text.getvalue()


def curves_csv(comparison: Comparison) -> str:
    """One line a frame."""
    keys = list(comparison.curves)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["frame", "time_s", *keys])
    fps = comparison.alignment.fps
    for index, values in enumerate(zip(*comparison.curves.values(), strict=True)):
        table.writerow([index, f"{index / fps:.4f}", *(_plain(float(value)) for value in values)])
    return text.getvalue()


def as_latex(results: Sequence[Result]) -> str:
    """A header (as a comment) and rows for a booktabs table: the reference, its frozen mouth, each output."""
    columns = [row for row in results[0].comparison.rows if row.metric.direction != "none"]
    heads = [f"{_escaped(_short(row))} {_LATEX_ARROWS[row.metric.direction]}".strip() for row in columns]
    lines = ["% Method & " + " & ".join(heads) + r" \\"]
    for title, name in (("Real video", "real"), ("Frozen mouth", "frozen")):
        lines.append(f"{title} & " + " & ".join(_cell(row.metric, getattr(row, name)) for row in columns) + r" \\")
    for result in results:
        values = {row.key: row.value for row in result.comparison.rows}
        cells = [_cell(row.metric, values.get(row.key)) for row in columns]
        lines.append(f"{_escaped(result.name)} & " + " & ".join(cells) + r" \\")
    return "\n".join(lines) + "\n"


def as_text(result: Result, lang: str = "en") -> str:
    """A table for a terminal, with what was done to align and what is missing."""
    comparison, chinese = result.comparison, lang.startswith("zh")
    heads = ("指标", "数值", "真实视频", "嘴部静止") if chinese else ("metric", "value", "real video", "frozen mouth")
    table: list[tuple[str, ...]] = [heads]
    for row in comparison.rows:
        numbers = [_shown(row.metric, number) for number in (row.value, row.real, row.frozen)]
        table.append((f"{label(row, lang)} {ARROWS[row.metric.direction]}".strip(), *numbers))
    widths = [max(len(line[column]) for line in table) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table]
    index = "zh" if chinese else "en"
    lines += [f"* {getattr(note, index)}" for note in comparison.notes]
    lines += [f"* {label(row, lang)}: {row.note[index]}" for row in comparison.rows if row.note]
    lines += [f"- {metric.title[index]}: {getattr(lack, index)}" for metric, lack in comparison.missing]
    return "\n".join([f"{result.name}", *lines])


def label(row: Row, lang: str = "en") -> str:
    """The metric's title with its region."""
    chinese = lang.startswith("zh")
    title = row.metric.title["zh" if chinese else "en"]
    return f"{title}, {_REGIONS[row.region][chinese]}" if row.region else title


def _row(row: Row) -> dict[str, Any]:
    metric = row.metric
    numbers = {name: _rounded(getattr(row, name)) for name in ("value", "spread", "real", "frozen")}
    return {
        "key": row.key,
        "name": metric.name,
        "region": row.region,
        "title": {lang: label(row, lang) for lang in ("en", "zh")},
        **numbers,
        "unit": metric.unit,
        "direction": metric.direction,
        "range": [metric.low, metric.high],
        "digits": metric.digits,
        "note": row.note,
        "detail": {name: _rounded(value) for name, value in row.detail.items()},
        "source": metric.source,
        "licence": metric.licence,
    }


def _file(name: str, info: VideoInfo) -> dict[str, Any]:
    return {
        "name": name,
        "width": info.width,
        "height": info.height,
        "fps": round(info.fps, 3),
        "duration_s": round(info.duration_s, 3),
        "frames": info.frames,
        "codec": info.codec,
        "bits": info.bits,
        "rotation": info.rotation,
    }


def _short(row: Row) -> str:
    region = f" ({row.region})" if row.region not in ("", "full") else ""
    unit = f" [{row.metric.unit}]" if row.metric.unit else ""
    return row.metric.title["en"] + region + unit


def _rounded(number: float | None) -> float | None:
    return None if number is None or not np.isfinite(number) else round(float(number), 6)


def _plain(number: float | None) -> str:
    return "" if number is None or not np.isfinite(number) else f"{number:.6g}"


def _shown(metric: Metric, number: float | None) -> str:
    unit = f" {metric.unit}" if metric.unit else ""
    return "-" if number is None or not np.isfinite(number) else f"{number:.{metric.digits}f}{unit}"


def _cell(metric: Metric, number: float | None) -> str:
    return "--" if number is None or not np.isfinite(number) else f"{number:.{metric.digits}f}"


def _escaped(text: str) -> str:
    """Text that LaTeX prints as it is."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {char: f"\\{char}" for char in "&%$#_{}"}
    return "".join(special.get(char, char) for char in text if char.isprintable())
