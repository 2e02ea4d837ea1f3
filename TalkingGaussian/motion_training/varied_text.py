# ruff: noqa: SIM905
"""Text without patterns: random words in sentences of natural length, so that every sound meets every other.

Words come from Debian's `wamerican` list (free to use) and from the short lists here; Mandarin from common characters.
"""

from __future__ import annotations

import random
from pathlib import Path

WORD_LIST = Path("/usr/share/dict/american-english")
_COMMON = (
    "the of and to a in that is was he for it with as his on be at by I this had not are but from or have an they "
    "which one you were her all she there would their we him been has when who will more no if out so said what up "
    "its about into than them can only other new some could time these two may then do first any my now such like "
    "our over man me even most made after also did many before must through back years where much your way well "
    "down should because each just those people how too little good very make world still own see men work long "
    "get here between both life being under never day same another know while last might us great old year off "
    "come since against go came right used take three home away again something put fact though water less public "
    "thing almost hand enough far took head yet government system better set told nothing night end why called "
    "find going look asked later point knew next week room money company morning business problem give maybe "
    "people perhaps please think really want everybody somebody move open above above believe love happy number"
).split()
_HANZI = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方"
    "多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情"
    "明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给"
    "世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太"
    "量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象"
    "完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运笔怕跑飞朋爬帽母妈爸笨胖苹葡萄"
)


def varied_sentences(language: str, count: int, seed: int) -> list[str]:
    """`count` sentences of random words in "en" or "zh"; the same for the same seed and word list."""
    rng = random.Random(seed)
    if language == "zh":
        return [_mandarin(rng) for _ in range(count)]
    listed = [w for w in WORD_LIST.read_text().split() if w.isascii() and w.isalpha() and w.islower()]
    rare = [w for w in listed if 3 <= len(w) <= 9]
    return [_english(rng, rare) for _ in range(count)]


def _english(rng: random.Random, rare: list[str]) -> str:
    """4-14 words, about half of them everyday ones, here and there a comma."""
    words = [rng.choice(_COMMON if rng.random() < 0.5 else rare) for _ in range(rng.randint(4, 14))]
    for k in range(2, len(words) - 2):
        if rng.random() < 0.1:
            words[k] += ","
    return " ".join(words).capitalize() + rng.choice(".....?")


def _mandarin(rng: random.Random) -> str:
    """Two or three runs of 3-9 characters."""
    runs = ["".join(rng.choices(_HANZI, k=rng.randint(3, 9))) for _ in range(rng.randint(2, 3))]
    return ",".join(runs) + "。"


if __name__ == "__main__":
    print("\n".join(varied_sentences("en", 5, 0) + varied_sentences("zh", 3, 0)))
