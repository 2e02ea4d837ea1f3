# ruff: noqa: SIM905, E501
"""Sentences for the synthetic speech: built from small word lists and patterns of our own, seeded."""

from __future__ import annotations

import random

_EN = {
    "name": "Bob Mabel Peter Fiona Victor Emma Sophie George Julia Thomas Wendy Hugo Ruth Charlie Yasmin Paul".split(),
    "noun": (
        "apple book pebble farmer viper mother bubble window shoe cheese picture village moon river thumb "
        "hammer puppet family pilot boat map lamp bridge garden engine zebra camera piano letter feather "
        "leather mouth judge voice beach mushroom elephant umbrella vacuum foam web tomb valley wolf yacht"
    ).split(),
    "adj": (
        "big beautiful small purple brave fresh famous warm happy thick yellow smooth wooden quiet rough "
        "huge pale amber vivid lovely simple modern empty strong funny charming awful open outer"
    ).split(),
    "verb": (
        "bought found moved pushed loved washed made put kept believed watched followed carried opened "
        "painted measured borrowed fixed remembered showed caught chewed wove threw hid improved"
    ).split(),
    "place": (
        "by the harbour|above the shop|in the park|near the old farm|on top of the roof|behind the museum|"
        "from my village|under the bridge|over there|at the fair|before the film|with five boys|across the valley"
    ).split("|"),
    "time": (
        "yesterday|in May|at half past five|every Friday|before breakfast|for months|this evening|tomorrow|once more|"
        "on a foggy morning|after the meeting|at the moment|two hours ago"
    ).split("|"),
}
_EN_PATTERNS = (
    "{name} {verb} the {adj} {noun} {place}.",
    "Why would {name} and {name2} ever have {verb} my {noun}?",
    "We {verb} {num} {adj} {noun}s {time}, and the {noun2} was {adj2}.",
    "Please show me how the {noun} moves, {name}.",
    "I am sure that they {verb} both the {noun} and the {noun2} {place} {time}.",
    "{time}, you may choose a {adj} {noun} or a {adj2} one.",
    "Oh, what a {adj} {noun}! Who {verb} it?",
    "Thank you for the {noun}; my {noun2} will be over {place}.",
    "Hm, maybe {num} of them {verb} it, but {name} did not.",
    "Five people from Boston {verb} a {noun}.",
    "She sells {adj} {noun}s while he {verb} {num} {noun2}s {place}.",
    "The new model of the {noun} should be much more {adj} than before.",
)
_EN_NUMBERS = "two three four five seven eleven twelve thirty a hundred forty-one sixty-eight".split()

_ZH = {
    "who": "我们 妈妈 爸爸 他 她 老师 朋友 小明 你们 大家 医生 邻居 弟弟 姐姐 客人 司机".split(),
    "what": (
        "苹果 面包 飞机 手表 电影 火车 花园 布鞋 雨伞 葡萄 饭碗 木马 音乐 地图 月亮 照片 皮包 蜜蜂 房子 风车 鱼 歌 玻璃 "
        "毛笔 泡泡 保险 问题 办法 足球 绿茶 牛奶 衣服 报纸"
    ).split(),
    "verb": "看见了 买了 喜欢 搬走了 忘记了 发现了 放下了 画了 讨论 需要 修好了 拍了 送来了 研究 包装 描述 保护 吃完了".split(),
    "adj": "漂亮的 便宜的 很大的 粉红色的 普通的 安静的 奇怪的 温暖的 五颜六色的 新的 薄薄的 聪明的 方便的 古老的".split(),
    "when": "昨天下午 明天早上 五月八号 今年春天 每个星期五 半夜 刚才 以后 放学之前 去年冬天".split(),
    "where": "在北京 在马路旁边 在图书馆 在公园里 在家门口 在山坡上 在办公室 在河边 在食品店 在学校".split(),
}
_ZH_PATTERNS = (
    "{when},{who}{where}{verb}{adj}{what}。",
    "{who}为什么{verb}{what}?",
    "请把{what}和{what2}放在桌子上,谢谢。",
    "啊,{adj}{what}!是谁{verb}的?",
    "{who}说,{who2}{when}一共{verb}{num}个{what}。",
    "欢迎{who}{where}观看{adj}表演,希望你们喜欢。",
    "没有{what},{who}怎么办呢?不过,{who2}也许明白。",
    "{what}比{what2}贵一百八十块,别买了吧。",
    "{who}{where}慢慢地跑步,一边跑一边唱{adj}歌。",
)
_ZH_NUMBERS = "两 三 四 五 六 七 八 九 十 二十 一百".split()


def sentences(language: str, count: int, seed: int) -> list[str]:
    """`count` varied sentences in "en" or "zh"; the same for the same seed."""
    rng = random.Random(seed)
    words, patterns, numbers = (
        (_EN, _EN_PATTERNS, _EN_NUMBERS) if language == "en" else (_ZH, _ZH_PATTERNS, _ZH_NUMBERS)
    )
    out = []
    for _ in range(count):
        fill = {k: rng.choice(v) for k, v in words.items()}
        fill |= {f"{k}2": rng.choice(v) for k, v in words.items()}
        text = rng.choice(patterns).format(num=rng.choice(numbers), **fill)
        out.append(text[0].upper() + text[1:])
    return out
