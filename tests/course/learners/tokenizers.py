"""Learners' tokenizers."""

import math
from collections import Counter


def wordpiece(word, vocab):
    tokens, rest, prefix = [], word, ""
    while rest:
        for size in range(len(rest), 0, -1):
            if prefix + rest[:size] in vocab:
                tokens.append(prefix + rest[:size])
                rest, prefix = rest[size:], "##"
                break
        else:
            return ["[UNK]"]
    return tokens


def wordpiece_recursive(word, vocab, first=True):
    if not word:
        return []
    found = [end for end in range(1, len(word) + 1) if ("" if first else "##") + word[:end] in vocab]
    if not found:
        return ["[UNK]"]
    end = max(found)
    rest = wordpiece_recursive(word[end:], vocab, False)
    return rest if rest == ["[UNK]"] else [("" if first else "##") + word[:end], *rest]


def bpe_merge(word, ranks):
    parts = list(word)
    while True:
        pairs = {(parts[i], parts[i + 1]) for i in range(len(parts) - 1)}
        pair = min(pairs, key=lambda each: ranks.get(each, math.inf), default=None)
        if pair not in ranks:
            return parts
        i = 0
        while i < len(parts) - 1:
            if (parts[i], parts[i + 1]) == pair:
                parts[i : i + 2] = ["".join(pair)]
            i += 1


def bpe_merge_one_at_a_time(word, ranks):
    parts = tuple(word)
    while found := [(ranks[pair], i) for i, pair in enumerate(zip(parts, parts[1:])) if pair in ranks]:
        _, i = min(found)
        parts = (*parts[:i], parts[i] + parts[i + 1], *parts[i + 2 :])
    return parts


def bpe_merge_once_over(word, ranks):
    text = " ".join(word)
    for first, second in sorted(ranks, key=ranks.get):
        text = " ".join(bpe_join(tuple(text.split()), (first, second)))
    return text.split()


def bpe_train(words, merges):
    words = {tuple(word): times for word, times in words.items()}
    learned = []
    while len(learned) < merges:
        counts = Counter()
        for parts, times in words.items():
            for i in range(len(parts) - 1):
                counts[parts[i], parts[i + 1]] += times
        if not counts:
            break
        pair = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[0][0]
        learned.append(pair)
        words = {bpe_join(parts, pair): times for parts, times in words.items()}
    return learned


def bpe_join(parts, pair):
    out, i = [], 0
    while i < len(parts):
        if parts[i : i + 2] == pair:
            out.append("".join(pair))
            i += 2
        else:
            out.append(parts[i])
            i += 1
    return tuple(out)


def bpe_train_by_text(words, merges):
    lines = {" ".join(word): times for word, times in words.items()}
    learned = []
    for _ in range(merges):
        counts = {}
        for line, times in lines.items():
            parts = line.split()
            for pair in zip(parts, parts[1:]):
                counts[pair] = counts.get(pair, 0) + times
        if counts:
            best = max(counts.values())
            learned.append(min(pair for pair, count in counts.items() if count == best))
            lines = {" ".join(bpe_join(tuple(line.split()), learned[-1])): times for line, times in lines.items()}
    return learned


def viterbi(text, scores):
    best, came_from = [0.0], [None]
    for end in range(1, len(text) + 1):
        found = [(best[start] + scores[text[start:end]], start) for start in range(end) if text[start:end] in scores]
        score, start = max(found, default=(-math.inf, None))
        best.append(score)
        came_from.append(start)
    pieces, end = [], len(text)
    while end:
        pieces.append(text[came_from[end] : end])
        end = came_from[end]
    return {"best": best, "pieces": pieces[::-1]}


def viterbi_recursive(text, scores):
    def solve(end):
        if end == 0:
            return 0.0, []
        ways = []
        for start in range(end):
            if text[start:end] in scores:
                score, pieces = solve(start)
                ways.append((score + scores[text[start:end]], [*pieces, text[start:end]]))
        return max(ways, default=(-math.inf, []))

    return solve(len(text))[1]


def offsets(text, tokens):
    out, at = [], 0
    for token in tokens:
        token = token[2:] if token.startswith("##") else token
        at = text.find(token, at)
        out.append((at, at + len(token)))
        at += len(token)
    return out


def offsets_letter_by_letter(text, tokens):
    at, out = 0, []
    for token in tokens:
        letters = token.replace("##", "")
        while text[at] == " ":
            at += 1
        out.append([at, at + len(letters)])
        at = out[-1][1]
    return out


RIGHT = {
    "wordpiece": [wordpiece, wordpiece_recursive],
    "bpe_merge": [bpe_merge, bpe_merge_one_at_a_time],
    "bpe_train": [bpe_train, bpe_train_by_text],
    "viterbi": [viterbi, viterbi_recursive],
    "offsets": [offsets, offsets_letter_by_letter],
}
WRONG = {
    "wordpiece": [
        (wordpiece, "range(len(rest), 0, -1)", "range(1, len(rest) + 1)", "shortest match"),
        (wordpiece_recursive, "max(found)", "min(found)", "shortest match"),
        (wordpiece, '"##"', '""', "no ##"),
        (wordpiece, "tokens.append(prefix + rest[:size])", "tokens.append(rest[:size])", "## taken off"),
        (wordpiece, 'word, ""', 'word, "##"', "## on the first piece"),
        (wordpiece, 'return ["[UNK]"]', 'return tokens + ["[UNK]"]', "the rest [UNK]"),
        (wordpiece, 'return ["[UNK]"]', "return tokens", "the rest dropped"),
        (wordpiece_recursive, 'return rest if rest == ["[UNK]"] else', "return", "the rest [UNK]"),
        (wordpiece, 'return ["[UNK]"]', 'tokens.append("[UNK]"); rest, prefix = rest[1:], "##"', "a character [UNK]"),
        (wordpiece, "range(len(rest), 0, -1)", "range(len(rest) - 1, 0, -1)", "one short"),
        (wordpiece, "range(len(rest), 0, -1)", "[len(rest)]", "whole words only"),
        (wordpiece, "range(len(rest), 0, -1)", "range(min(3, len(rest)), 0, -1)", ""),
    ],
    "bpe_merge": [
        (bpe_merge_one_at_a_time, "(ranks[pair], i)", "(i, i)", "leftmost first"),
        (bpe_merge_one_at_a_time, "(ranks[pair], i)", "(-i, i)", "rightmost first"),
        (bpe_merge_one_at_a_time, "(ranks[pair], i)", "(-ranks[pair], i)", "highest rank first"),
        (bpe_merge_one_at_a_time, "while found :=", "if found :=", ""),
        (bpe_merge, "i += 1", "i += 1\n        return parts", "one merge"),
        (bpe_merge_once_over, "", "", "once over the merges"),
        (bpe_merge_once_over, "key=ranks.get", "key=str", "once over, by name"),
        (bpe_merge, "min(pairs, key=lambda each: ranks.get(each, math.inf)",
         "max(pairs, key=lambda each: ranks.get(each, -1)", "highest rank first"),
        (bpe_merge, "parts = list(word)", "return list(word)", "nothing joined"),
    ],
    "bpe_train": [
        (bpe_train, "+= times", "+= 1", "words counted once"),
        (bpe_train_by_text, "+ times", "+ 1", "words counted once"),
        (bpe_train_by_text, "min(pair for", "max(pair for", "ties to the last"),
        (bpe_train, "(-item[1], item[0])", "-item[1]", "ties to the first met"),
        (bpe_train, "(-item[1], item[0])", "item[::-1]", "least frequent"),
        (bpe_train, "words = {bpe_join(parts, pair): times for parts, times in words.items()}", "pass", ""),
        (bpe_train, "len(learned) < merges", "len(learned) < merges - 1", "one merge too few"),
        (bpe_train, "len(learned) < merges", "len(learned) <= merges", "one merge too many"),
        (bpe_train, "return learned", 'return ["".join(pair) for pair in learned]', "joined symbols"),
        (bpe_train_by_text, "in zip(parts, parts[1:])", "in set(zip(parts, parts[1:]))", "once a word"),
        (bpe_train, "-item[1]", "-item[1] * len(item[0][0])", ""),
    ],
    "viterbi": [
        (viterbi, "pieces[::-1]", "pieces", "backwards"),
        (viterbi, "max(found, default", "min(found, default", ""),
        (viterbi_recursive, "max(ways", "min(ways", "lowest sum"),
        (viterbi_recursive, "max(ways", "max(ways, key=lambda way: (-len(way[1]), way[0])", "fewest pieces"),
        (viterbi, "max(found, default=(-math.inf, None))", "found[-1]", "single characters"),
        (viterbi_recursive, "score + scores[text[start:end]]", "scores[text[start:end]]", ""),
        (viterbi_recursive, "return solve(len(text))[1]", "return list(text)", "single characters"),
        (viterbi, "score, start = max(found, default=(-math.inf, None))",
         "score, start = math.log(sum(math.exp(each) for each, _ in found)), max(found)[1]", "all ways summed"),
    ],
    "offsets": [
        (offsets, "return out", "return [(len(text[:a].encode()), len(text[:b].encode())) for a, b in out]", "bytes"),
        (offsets, "text.find(token, at)", "text.find(token)", "the first occurrence"),
        (offsets, "at + len(token))", "at + len(token) - 1)", "last character's place"),
        (offsets, "(at, at + len(token))", "(at, len(token))", "length for the end"),
        (offsets, "at = text.find(token, at)", "", "blanks not counted"),
        (offsets, "(at, at + len(token))", "(at + 1, at + 1 + len(token))", "places from 1"),
        (offsets_letter_by_letter, 'while text[at] == " ":', 'if False:', "blanks not counted"),
        (offsets_letter_by_letter, 'while text[at] == " ":', 'if text[at] == " ":', ""),
        (offsets_letter_by_letter, 'token.replace("##", "")', "token", ""),
    ],
}  # fmt: skip
