"""Texts for comparing tokenizers: natural, multilingual, adversarial, with special tokens, long, blank.

`generate(count, seed)` is deterministic. The natural sentences are written here, so that no corpus is
needed; the adversarial ones are drawn from characters that the references are known to treat specially.
"""

import random
from collections.abc import Callable, Iterator

SENTENCES = """\
The quick brown fox jumps over the lazy dog, doesn't it?
In 1998, Dr. O'Neill paid $3.50 (about €3,20) for 2 "books" -- what a bargain!
I'll be there at 10:30 a.m.; don't wait, we've already eaten & they're late...
Unaffable, antidisestablishmentarianism and pneumonoultramicroscopicsilicovolcanoconiosis.
def f(x): return x**2 + 3*x - 1  # see https://example.org/a?b=c&d=%20e
She said: 'It's fine.' He'd've said otherwise; that's life, isn't it? He'll see.
E-mail me at someone_else+tag@mail.example.com or call +44 (0)20 7946 0958.
rock 'n' roll , do n't stop . WHY ? BECAUSE I SAID SO !
Die Straße führt über die Brücke nach Öhringen; größer als früher.
Le cœur déçu mais l'âme plutôt naïve, Louÿs rêva de crapaüter en canoë.
El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío, ¿añoraba?
Zażółć gęślą jaźń. Příliš žluťoučký kůň úpěl ďábelské ódy.
Pijamalı hasta yağız şoföre çabucak güvendi. İstanbul'da ılık IŞIK.
Съешь же ещё этих мягких французских булок, да выпей чаю.
Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. ΟΔΟΣ ΣΊΣΥΦΟΣ
עטלף אבק נס דרך מזגן שהתפוצץ כי חם. שָׁלוֹם עֲלֵיכֶם
نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر. السَّلَامُ عَلَيْكُم
ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश।
আমি বাংলায় গান গাই। ਪੰਜਾਬੀ ગુજરાતી தமிழ் తెలుగు ಕನ್ನಡ മലയാളം සිංහල
เป็นมนุษย์สุดประเสริฐเลิศคุณค่า ລາວ ខ្មែរ မြန်မာ བོད་ཡིག
키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다.
いろはにほへと ちりぬるを ガギグゲゴ ハﾟ か\u3099 ｶﾞｷﾞ 東京タワー㍿
我能吞下玻璃而不伤身体。𠀋 豈 更 㐀鿿 𫠠 𫤠 𬺡 〇々
Tiếng Việt: Con sói nâu nhảy qua con chó lười. Ồ, thật à?
አማርኛ ᏣᎳᎩ ᐃᓄᒃᑎᑐᑦ ⵜⴰⵎⴰⵣⵉⵖⵜ 𐌰𐍄𐍄𐌰 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ﬁ ﬂ Ǆ ŉ
👍🏽 👩‍👩‍👧‍👦 🇩🇪 🏳️‍🌈 ☺️ 😀😃😄 ❤️‍🔥 ✅ ½ ⅷ ² ³ ™ © → ≠ ∑
""".splitlines()

BLANKS = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000"
FORMATS = (
    "\0\x01\x08\x7f\x80\x9f\xad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\ufff9\ufffc\ufffd\ufffe\U000e0001"
)
MARKS = "\u0300\u0301\u0308\u0327\u0323\u0345\u05b0\u064b\u093c\u3099\u309a\u20dd\u0903\u302e\u1d165\u0f39\ua8e0"
CASES = "ÀÉÎõüßẞİıŁłØøĐđÅÅKΣςσǅﬀŉΐᾳﾞﷺ㍿①Ⅷⅷ²½ſꟓᲉᏸꭰ"
SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡§«¶·»¿‘’“”–—…€£¥©®°±×÷·〈〉、。「」！？｡､"
WIDE = "中文字豈更㐀鿿𠀋𪚥𫜴𫝀𫠝𫠠𫢏𫤞𫤟𫤠𫤿𬺠丽가각힣각아ｱﾊﾞカがばぱ"
ODD = "\u0378\u061d\u09fd\u166d\u2e43\u2e52\u1c89\ua7cb\u0e3f\ue000\uf8ff\U000f0000"
ODD += "\U0010ffff\U0001f600\U0001f1e9\U000114bd\U00011938\U000105c9"
ASCII_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
ADVERSARIAL = (BLANKS, FORMATS, MARKS, CASES, SIGNS, WIDE, ODD, ASCII_LETTERS, "▁Ġ#'")
CONTRACTIONS = ["n't", "'s", "'S", "'ll", "'ve", "’s", "'re", "'m", "'d", "'t", " 's"]


def generate(count: int, seed: int, specials: list[str]) -> Iterator[str]:
    """`count` texts; `specials` are the tokenizer's special tokens, which some of them hold."""
    rng = random.Random(seed)
    makers: list[Callable[[], str]] = [
        lambda: natural(rng),
        lambda: natural(rng),
        lambda: adversarial(rng),
        lambda: adversarial(rng),
        lambda: with_specials(rng, specials),
        lambda: any_unicode(rng),
        lambda: mutated(rng),
        lambda: blank(rng),
        lambda: long_word(rng),
    ]
    weights = [20, 10, 20, 10, 15, 10, 10, 2, 3]
    for _ in range(count):
        yield rng.choices(makers, weights)[0]()


def natural(rng: random.Random) -> str:
    """Words of some sentences, in their order or mixed across languages."""
    words = rng.choice(SENTENCES).split(" ")
    if rng.random() < 0.5:
        words += rng.choice(SENTENCES).split(" ")
    if rng.random() < 0.3:
        rng.shuffle(words)
    start = rng.randrange(len(words))
    return " ".join(words[start : start + rng.randint(1, 20)])


def adversarial(rng: random.Random) -> str:
    """A short run of characters that tokenizers stumble over."""
    pools = rng.sample(ADVERSARIAL, rng.randint(1, 4))
    pieces = [rng.choice(rng.choice(pools)) for _ in range(rng.randint(1, 30))]
    if rng.random() < 0.3:
        pieces.insert(rng.randrange(len(pieces)), rng.choice(CONTRACTIONS))
    return "".join(pieces)


def with_specials(rng: random.Random, specials: list[str]) -> str:
    """Special tokens between, inside and at the ends of text, whole and damaged."""
    pieces = []
    for _ in range(rng.randint(1, 8)):
        kind = rng.random()
        token = rng.choice(specials)
        if kind < 0.5:
            pieces.append(token)
        elif kind < 0.6:
            pieces.append(token.lower() if rng.random() < 0.5 else token[: rng.randint(1, len(token))])
        elif kind < 0.8:
            pieces.append(rng.choice(rng.choice(SENTENCES).split(" ")))
        else:
            pieces.append(adversarial(rng)[:5])
    return rng.choice(["", " ", "  ", "\t"]).join(pieces)


def any_unicode(rng: random.Random) -> str:
    """Characters from one or two blocks of Unicode, wherever they lie; no surrogates."""
    pieces = []
    for _ in range(rng.randint(1, 3)):
        base = rng.choice(
            [rng.randrange(0x3000), rng.randrange(0x3000), rng.randrange(0x10000), rng.randrange(0x33480)]
        )
        codes = [base + rng.randrange(64) for _ in range(rng.randint(1, 10))]
        pieces += [chr(code) for code in codes if not 0xD800 <= code <= 0xDFFF]
        pieces.append(rng.choice(["", " ", "a", "."]))
    return "".join(pieces)


def mutated(rng: random.Random) -> str:
    """A sentence with characters dropped, doubled or exchanged for odd ones."""
    chars = list(rng.choice(SENTENCES))
    for _ in range(rng.randint(1, 6)):
        i = rng.randrange(len(chars))
        chars[i] = rng.choice(["", chars[i] * 2, chars[i].upper(), rng.choice(rng.choice(ADVERSARIAL)) + chars[i]])
    return "".join(chars)


def blank(rng: random.Random) -> str:
    """Nothing, or nothing but blanks."""
    return "".join(rng.choice(BLANKS) for _ in range(rng.randint(0, 6)))


def long_word(rng: random.Random) -> str:
    """A word around BERT's limit of 100 characters, or far beyond it."""
    size = rng.choice([98, 99, 100, 101, 102, 200, 201, 500, 2000])
    pool = rng.choice([ASCII_LETTERS, "a", "é", "e\u0301", CASES, "中", "ab ", "가", "😀", "l'"])
    word = "".join(rng.choice(pool) if len(pool) > 2 else pool for _ in range(size))[:size]
    return rng.choice(["", "x "]) + word + rng.choice(["", " y"])
