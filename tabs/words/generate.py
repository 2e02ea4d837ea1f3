"""Texts of the Generate tab: key -> (English, 中文)."""

TEXTS: dict[str, tuple[str, str]] = {
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
}
