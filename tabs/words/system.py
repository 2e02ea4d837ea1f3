"""Texts of the System tab: key -> (English, 中文)."""

TEXTS: dict[str, tuple[str, str]] = {
    "refresh": ("Look again", "刷新"),
    "environments": ("Environments", "运行环境"),
    "environment": ("Environment", "环境"),
    "create": ("Create", "创建"),
    "remove": ("Remove", "删除"),
    "remove_sure": ("Yes, remove it", "确认删除"),
    "removed": ("{name} was removed.", "已删除 {name}。"),
    "admin_only": (
        "Environments can be changed only by the person who runs this app, on its own machine.",
        "只有在本机运行此应用的人才能更改环境。",
    ),
}
