"""Every text of the page in English and Chinese.

Labels go through `W(key)`, which the browser shows in its own language; texts made on the server through
`say(lang, key)`.
"""

from __future__ import annotations

import gradio as gr

TEXTS: dict[str, tuple[str, str]] = {
    # the page
    "tagline": ("Talking digital humans, on your own computer", "在你自己的电脑上,让数字人开口说话"),
    "tab_generate": ("Generate", "视频生成"),
    "tab_system": ("System", "系统"),
    "label_note": (
        "Every video carries an AI-generated label in its metadata. Use only voices and likenesses you may use.",
        "每个视频的元数据中都带有“AI 生成”标识。请仅使用你有权使用的声音与肖像。",
    ),
    # generate
    "avatar": ("Avatar", "数字人"),
    "avatar_preview": ("Preview", "预览"),
    "add_avatar": ("Add an avatar (.zip)", "添加数字人 (.zip)"),
    "speech": ("Speech", "语音"),
    "sample": ("Or take a sample", "或选择一段示例"),
    "no_sample": ("-", "-"),
    "options": ("Options", "选项"),
    "size": ("Picture size (px)", "画面尺寸(像素)"),
    "fps": ("Frames a second", "帧率"),
    "features": ("How the sound is heard", "语音特征"),
    "features_info": (
        "visemes: phones recognised in the sound (best); mel: its spectrum only (any system)",
        "visemes:识别音素(效果最好);mel:仅用频谱(任何系统可用)",
    ),
    "seed": ("Seed of blinks and glances", "眨眼与眼神的随机种子"),
    "as_avatar": ("as the avatar", "与数字人一致"),
    "start": ("Generate video", "生成视频"),
    "cancel": ("Cancel", "取消"),
    "again": ("Run again", "重新生成"),
    "result": ("Video", "视频"),
    "download": ("Download", "下载"),
    "settings_used": ("Settings used", "所用设置"),
    "my_videos": ("My videos", "我的视频"),
    "need_speech": ("Upload or record speech first, or take a sample.", "请先上传或录制语音,或选择一段示例。"),
    "need_avatar": ("Choose an avatar first.", "请先选择数字人。"),
    "no_avatars": (
        "There is no avatar yet. Add one from a .zip file.",
        "还没有数字人。请从 .zip 文件添加一个。",
    ),
    "unexpected": (
        "Something went wrong that should not have. The details are in the app's log; please try again.",
        "发生了意外错误,详情见应用日志。请重试。",
    ),
    "crowded": ("Many videos are waiting already. Please try again later.", "排队的任务已经很多,请稍后再试。"),
    "avatar_added": ("The avatar was added.", "数字人已添加。"),
    "preparing": (
        "First start: the engine's environment is being prepared. You can already start a video; it waits its turn.",
        "首次启动:正在准备引擎环境。现在就可以提交视频任务,它会排队等候。",
    ),
    # system
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
    # job panel
    "queued": ("Waiting", "排队中"),
    "queued_place": ("Waiting, number {n} in the queue", "排队中,当前第 {n} 位"),
    "queued_environment": ("Waiting for the engine to be prepared (first start)", "正在等待引擎准备完成(首次启动)"),
    "running": ("Working", "进行中"),
    "done": ("Done", "已完成"),
    "failed": ("Failed", "失败"),
    "cancelled": ("Cancelled", "已取消"),
    "interrupted": ("Interrupted", "已中断"),
    "eta": ("about {t} left", "约剩 {t}"),
    "elapsed": ("{t} so far", "已用 {t}"),
    "took": ("took {t}", "用时 {t}"),
    "log": ("Log", "日志"),
    "idle": ("Your video's progress will be shown here.", "视频的生成进度会显示在这里。"),
    "lost": ("The connection to the app was lost; trying again …", "与应用的连接已断开,正在重试……"),
    "stage_load": ("Load", "载入"),
    "stage_audio": ("Listen", "分析语音"),
    "stage_render": ("Draw", "绘制"),
    "stage_finish": ("Finish", "收尾"),
    "stage_python": ("Python", "Python"),
    "stage_download": ("Download", "下载"),
    "stage_install": ("Install", "安装"),
    "stage_warm_up": ("Warm up", "预热"),
}


def bilingual() -> gr.I18n:
    """The texts as Gradio's own translation table; the browser's language chooses."""
    english = {key: pair[0] for key, pair in TEXTS.items()}
    chinese = {key: pair[1] for key, pair in TEXTS.items()}
    return gr.I18n(en=english, zh=chinese, **{"zh-CN": chinese, "zh-TW": chinese, "zh-HK": chinese})


W = bilingual()


def say(lang: str, key: str, **values: object) -> str:
    """A text in `lang` (Chinese for any zh…, English otherwise) with its blanks filled."""
    return TEXTS[key][1 if is_chinese(lang) else 0].format(**values)


def is_chinese(lang: str) -> bool:
    """Whether a browser's language is Chinese."""
    return lang.lower().startswith("zh")


def table(keys: list[str]) -> dict[str, dict[str, str]]:
    """Some texts for a script in the page: {"en": {key: text}, "zh": {…}}."""
    return {lang: {key: TEXTS[key][index] for key in keys} for index, lang in enumerate(("en", "zh"))}
