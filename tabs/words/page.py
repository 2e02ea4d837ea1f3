"""Texts of the page around the tabs: key -> (English, 中文)."""

TEXTS: dict[str, tuple[str, str]] = {
    "tagline": ("Talking digital humans, on your own computer", "在你自己的电脑上,让数字人开口说话"),
    "tab_generate": ("Generate", "视频生成"),
    "tab_train": ("Train", "模型训练"),
    "tab_library": ("Library", "资产"),
    "tab_system": ("System", "系统"),
    "label_note": (
        "Every video carries an AI-generated label in its metadata. Use only voices and likenesses you may use.",
        "每个视频的元数据中都带有“AI 生成”标识。请仅使用你有权使用的声音与肖像。",
    ),
}
