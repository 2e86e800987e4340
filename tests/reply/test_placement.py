"""Placement case by case: what is written for what the model wrote. Source: DESIGN decisions 1, 2, 12."""

from __future__ import annotations

import copy

import pytest

from limner.reply.ink import merged
from limner.reply.markdown import image_markdown
from limner.reply.placement import Note, Place, Placement, Text, place
from readers import fetched, joined, numbers, told

FOX, HEN = "a red fox", "a hen"
PICTURES = {1: FOX, 2: HEN}


def written(text: str) -> str:
    """The output with `{number|alt}` for each place."""
    pieces = place(text, PICTURES)
    return "".join(p.text if isinstance(p, Text) else f"{{{p.number}|{p.alt}}}" for p in pieces)


def codes(text: str) -> list[str]:
    return [note.code for note in told(text, PICTURES)[1]]


# Fails if the step at `!` or the album is changed.
PLACED = {
    "plain": ("See ![the fox](image://1).", "See {1|the fox}."),
    "no alt takes the known one": ("![](image://1)", "{1|a red fox}"),
    "emphasis in the alt": ("![A *red* **fox**](image://1)", "{1|A red fox}"),
    "brackets in the alt": ("![a [red] fox](image://1)", "{1|a red fox}"),
    "escapes in the alt": (r"![a \[red\] fox\!](image://1)", "{1|a [red] fox!}"),
    "code in the alt": ("![a `]` b](image://1)", "{1|a ] b}"),
    "a title": ('![a](image://1 "title")', "{1|a}"),
    "a title with a parenthesis": ('![a](image://1 "t)t") b', "{1|a} b"),
    "angle brackets": ("![a](<image://1>)", "{1|a}"),
    "white space": ("![a](  image://1  )", "{1|a}"),
    "a size that is no Markdown": ("![a](image://1 =300x200)", "{1|a}"),
    "a blank before the parenthesis": ("![a] (image://1)", "{1|a}"),
    "the reference as a label": ("![a][image://1]", "{1|a}"),
    "an alt over two lines": ("![a\nb](image://1)", "{1|a b}"),
    "in a list": ("- one ![a](image://1) two\n- three", "- one {1|a} two\n- three"),
    "in a heading": ("## ![a](image://1) title\n", "## {1|a} title\n"),
    "in a quote": ("> ![a](image://1)\n> b", "> {1|a}\n> b"),
    "in a table": ("| a | b |\n|---|---|\n| ![a](image://1) | x |\n", "| a | b |\n|---|---|\n| {1|a} | x |\n"),
    "in emphasis": ("**![a](image://1)**", "**{1|a}**"),
    "beside each other": ("![a](image://1)![b](image://2)", "{1|a}{2|b}"),
    "twice": ("![a](image://1) and ![b](image://1) end", "{1|a} and  end"),
    "in a link": ("[![a](image://1)](https://ok.example)", "{1|a}[a](https://ok.example)"),
    "in a link with words": ("[see ![a](image://1)](https://ok.example)", "{1|a}[see ](https://ok.example)"),
    "in a link without any words": ("[![](image://1)](https://ok.example)", "{1|a red fox}[a red fox](https://ok.example)"),
    "behind an escaped backslash": (r"\\![a](image://1)", r"\\{1|a}"),
    "behind an address": ("https://e.example/![a](image://1)", "https://e.example/ {1|a}"),
    "after an exclamation": ("Look!![a](image://1)", "Look!{1|a}"),
}  # fmt: skip

# Fails if references.py no longer knows the form, or the album repairs what it must not.
REPAIRED = {
    "one slash less": "![a](image:/1)",
    "no slashes": "![a](image:1)",
    "no colon": "![a](image//1)",
    "a leading zero": "![a](image://01)",
    "upper case": "![a](IMAGE://1)",
    "a file ending": "![a](image://1.png)",
    "a sandbox": "![a](sandbox:image://1)",
    "percent signs": "![a](image%3A%2F%2F1)",
    "an entity": "![a](image&#58;//1)",
    "a name before the number": "![a](image://image1)",
    "plural": "![a](images://1)",
    "a trailing slash": "![a](image://1/)",
    "three slashes": "![a](image:///1)",
    "a field with its number": "![a](imageUrl1)",
}

# Fails if a guard in scanner.py, links.py or inlines.py is taken away.
NEUTRALISED = {
    "inline": ("![x](https://evil.example/?q=s)", r"\![x](https://evil.example/?q=s)"),
    "full reference": ("![x][r]", r"\![x][r]"),
    "collapsed reference": ("![x][]", r"\![x][]"),
    "shortcut reference": ("![x]", r"\![x]"),
    "protocol relative": ("![x](//evil.example)", r"\![x](//evil.example)"),
    "relative": ("![x](../secret.png)", r"\![x](../secret.png)"),
    "our own store with a query": ("![x](https://ours.example/images/1?q=s)", r"\![x](https://ours.example/images/1?q=s)"),
    "a data URI": ("![x](data:image/png;base64,AA)", r"\!x"),
    "never closed": ("![x](https://evil.example", r"\![x](https://evil.example"),
    "behind two backslashes": (r"\\![x](y)", r"\\\![x](y)"),
    "two exclamations": ("!![x](y)", r"!\![x](y)"),
    "behind what is taken away": ("!![](image://9)[x](y)", "!\u2060[x](y)"),
    "behind an escape and what is taken away": (r"\image://9\![x](y)", "\\\u2060" + r"\![x](y)"),
    "a badge": ("[![b](https://evil.example)](https://ok.example)", r"[\![b](https://evil.example)](https://ok.example)"),
    "TeX that fetches": (r"$\includegraphics{https://evil.example}$", r"$\\includegraphics{https://evil.example}$"),
    "img": ("<img src=x>", "&lt;img src=x>"),
    "img in upper case": ("<IMG SRC=x>", "&lt;IMG SRC=x>"),
    "img over lines": ("a <img\n src=x\n>", "a &lt;img\n src=x\n>"),
    "a slash for a blank": ("<svg/onload=x>", "&lt;svg/onload=x>"),
    "a closing tag": ("a</p>", "a&lt;/p>"),
    "a comment": ("<!-- x -->", "&lt;!-- x -->"),
    "an instruction": ("<?php x ?>", "&lt;?php x ?>"),
    "a declaration": ("<!DOCTYPE html>", "&lt;!DOCTYPE html>"),
    "CDATA": ("<![CDATA[x]]>", r"&lt;\![CDATA[x]]>"),
    "a block that never closes": ("<div\nstyle=x", "&lt;div\nstyle=x"),
    "script": ("<script>x</script>", "&lt;script>x&lt;/script>"),
    "a tag around what is taken away": ("<![](image://9)img src=x>", "&lt;img src=x>"),
    "a tag around a link": ("<[img src=x](image://2)>", "&lt;img src=x>"),
    "a javascript link": ("[x](javascript:alert)", "x"),
    "a javascript link with a call": ("[x](javascript:alert(1)) y", "x y"),
    "in mixed case": ("[x](JaVaScRiPt:a)", "x"),
    "with an entity": ("[x](java&#115;cript:a)", "x"),
    "with a named colon": ("[x](javascript&colon;a)", "x"),
    "with a tab": ("[x](java&Tab;script:a)", "x"),
    "with a percent sign": ("[x](javascript%3Aa)", "x"),
    "with blanks before": ("[x](  <javascript:a>)", "x"),
    "vbscript": ("[x](vbscript:a)", "x"),
    "a data link": ("[x](data:text/html,a)", "x"),
    "an autolink": ("a <javascript:a>", "a &lt;javascript:a>"),
    "a definition": ("[r]: javascript:a\n\n[x][r]", "\\[r]: javascript:a\n\n[x][r]"),
    "a definition in a quote": ("> [r]: data:a\n", "> \\[r]: data:a\n"),
    "a definition with its target below": ("[r]:\njavascript:a", "\\[r]:\njavascript:a"),
    "a definition made by taking away": ("[a]![](image://9): javascript:x", "[a]\u2060: javascript:x"),
    "a link made by taking away": ("[a]![](image://9)(javascript:x)", "[a]\u2060(javascript:x)"),
    "a fence made by taking away": ("image://9```\n![x](y)\n```\n", "\u2060```\n\\![x](y)\n```\n"),
    "a fence that its quote ended": ("> ```\n> a\n![x](y)", "> ```\n> a\n\\![x](y)"),
    "a fence that its item ended": ("- ```\n  a\n![x](y)", "- ```\n  a\n\\![x](y)"),
    "a code span that a blank line ends": ("`a\n\n![x](y)`", "`a\n\n\\![x](y)`"),
    "a code span that a list ends": ("`a\n- b\n![x](y)`", "`a\n- b\n\\![x](y)`"),
    "a code span that a table cuts": ("| `a | ![x](y)` |\n|--|--|\n", "| `a | ! [x](y)` |\n|--|--|\n"),
    "a code span in a link's target": ("[a](b`) ![x](y) `c`", "[a](b`) ! [x](y) `c`"),
    "code behind a target with a backtick": ("[a](b`) `![x](y)` c", "[a](b`) `\\![x](y)` c"),
    "code behind an address with a backtick": ("https://e.example/` ![x](y) `", "https://e.example/` ! [x](y) `"),
    "indented in a list": ("- a\n\n    ![x](y)", "- a\n\n    \\![x](y)"),
    "indented under a paragraph": ("a\n    ![x](y)", "a\n    \\![x](y)"),
    "a line in a fence that may pass for its end": ("```\n```py\n![x](y)\n```\n", "```\n```py\n! [x](y)\n```\n"),
    "code behind a fence that its quote ended": ("> ```\n> a\n\n```\n<b>\n```\n", "> ```\n> a\n\n```\n< b>\n```\n"),
    "a title below a definition": ("[1]: /u\n\"\n~~~\na\n\"", "\\[1]: /u\n\"\n~~~\na\n\""),
    "a target made by taking away": ("[a](![](image://9)javascript:x)", "[a\\](javascript:x)"),
    "a target without an end": ("[a](" + "y" * 1100, "[a\\](" + "y" * 1100),
    "a backtick that may be closed far away": ("`" + "y" * 1100, "\\`" + "y" * 1100),
    "an escape that an address swallows": (r"https://e.example/\<t>", "https://e.example/&lt;t>"),
    "a fence behind an empty item": ("-\n\n  ```\na\n```\n![x](y)", "-\n\n  ```\na\n```\n\\![x](y)"),
    "indented under a footnote": ("[^1]: a\n\n    ![x](y)", "[^1]: a\n\n    \\![x](y)"),
    "a name before what is taken away": ("a<b![](image://9)>", "a&lt;b>"),
    "a run that may be a fence": ("a\n2. ```\n![x](y)", "a\n2. \\`\\`\\`\n\\![x](y)"),
    "a span that begins like a fence": ("1. ```a`\nb<b>```", "1. ```a`\nb&lt;b>```"),
    "code in what may be code": ("- a\n\n      x `<b>`", "- a\n\n      x `< b>`"),
    "a fence's info string": ("~~~ ![x](y)\na\n~~~", "~~~ ! [x](y)\na\n~~~"),
}  # fmt: skip

# Fails if a reference is left where a reader would see it.
WORDS = {
    "a link keeps its words": ("see [the fox](image://2).", "see the fox."),
    "a link without words": ("see [](image://2).", "see a hen."),
    "a link with a label": ("see [the fox][image://2].", "see the fox."),
    "a mangled link": ("see [the fox](sandbox:image://2).", "see the fox."),
    "bare": ("see image://2 here", "see a hen here"),
    "bare in angle brackets": ("see <image://2> here", "see a hen here"),
    "bare in parentheses": ("see (image://2) here", "see (a hen) here"),
    "bare at the end of a sentence": ("It is image://2.", "It is a hen."),
    "bare in Chinese": ("请看image://2。", "请看a hen。"),
    "bare and unknown": ("see image://9 here", "see  here"),
    "in an address": ("https://e.example/image://2", "https://e.example/image://2"),
    "a tag of a container": ("docker pull image:2", "docker pull image:2"),
}

UNTOUCHED = {
    "prose": "One *two* **three** ~~four~~ `five`\n\n- six\n- [ ] seven\n",
    "links": "[a](https://e.example/b_(c)?d=1&e=2 \"t\") [b][c] [d] <https://e.example> <a@b.example>\n\n[c]: https://e.example 'T'\n",
    "bare addresses": "https://e.example/x?y=z#w and www.e.example",
    "comparisons": "a < b, 3 <4, c<-d, x<=y, I <3 you, a > b",
    "mathematics": r"$a<b$, $a<b<c$, $x_1 \leq y$, $$\int x < y$$, \(a<b\), \[ a_1[2] \]",
    "escapes": r"\![x](y) \<b> \`c\` \[d\](e)",
    "entities": "&lt;img src=x&gt; &amp; &#33;[x](y)",
    "code": "`![x](y)` ``<img src=x> ` `` `image://1` `<b>` ` [x](javascript:a) `",
    "code over two lines": "a `b\n![x](y)` c",
    "code with a pipe outside a table": "`ls <a> | cat`\nnext\n",
    "a fence": "```html\n<img src=x>\n![x](y) image://1\n```\nb\n",
    "a tilde fence": "~~~\n![x](y)\n```\n<b>\n~~~\n",
    "a long fence": "````md\n```\n![x](y)\n```\n````\n",
    "a fence in a quote": "> ```\n> ![x](y)\n> ```\n> a\n",
    "a fence in a list": "1. a\n\n   ```\n   <b>\n   ```\n\n2. b\n",
    "a fence in a quote in a list": "- > ```\n  > <b>\n  > ```\n",
    "an unclosed fence": "a\n```\n<img src=x>\n![x](y)",
    "a fence with Windows line ends": "```\r\n<b>\r\n```\r\na\r\n",
    "indented code": "a\n\n    <img src=x>\n    ![x](y)\n\nb\n",
    "code in a table": "| a | b |\n|---|---|\n| `<b>` | `c \\| d` |\n",
    "headings and rules": "Title\n=====\n\nSub\n---\n\n***\n\n# A #\n",
    "line ends": "one  \ntwo\\\nthree\n",
    "a footnote": "a[^1]\n\n[^1]: A note with `code` and words.\n",
    "indices": "f(x)[0](y); a[i](j); b[1][2]",
    "shouting": "Wow! [a](https://e.example) Yes! (No!)",
    "odd Unicode": "\u202e\u200b\ufeff🦊\U000e0001\u2028x",
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PLACED.values(), ids=PLACED)
def test_a_reference_in_an_image_becomes_a_place(text: str, expected: str) -> None:
    """DESIGN decision 2; decision 12: the Markdown's alt wins, else the known one."""
    assert written(text) == expected


@pytest.mark.parametrize("text", REPAIRED.values(), ids=REPAIRED)
def test_a_mangled_reference_with_a_known_number_is_repaired(text: str) -> None:
    """DESIGN decision 1: models mangle; the number says which picture is meant."""
    pieces, notes, unplaced = told(text, PICTURES)
    assert merged(pieces) == (Place(1, "a"),)
    assert notes == (Note("reference_repaired", text, 1),)
    assert unplaced == (2,)


@pytest.mark.parametrize(
    "text", ["![a](imageUrl)", "![a](image://7)", "![a]({{image_url}})", "![a](image://fox)"]
)
def test_an_invented_reference_is_repaired_when_one_picture_is_left(text: str) -> None:
    """DESIGN decision 1: only where one can be meant, judged from the text so far."""
    pieces, notes, unplaced = told(f"![b](image://2) {text}", PICTURES)
    assert numbers(pieces) == [2, 1]
    assert [(note.code, note.number) for note in notes] == [("reference_repaired", 1)]
    assert unplaced == ()


@pytest.mark.parametrize("text", ["![a](imageUrl)", "![a](image://7)", "![a](image://fox)"])
def test_an_invented_reference_is_removed_when_two_pictures_may_be_meant(text: str) -> None:
    """DESIGN decision 1: otherwise it is removed and reported."""
    pieces, notes, unplaced = told(f"x {text} y", PICTURES)
    assert merged(pieces) == (Text("x  y"),)
    assert [note.code for note in notes] == ["reference_removed"]
    assert unplaced == (1, 2)


@pytest.mark.parametrize(("text", "expected"), NEUTRALISED.values(), ids=NEUTRALISED)
def test_what_would_fetch_or_run_is_neutralised(text: str, expected: str) -> None:
    """Scorecard S21–S25, each with the way around a weaker guard."""
    assert written(text) == expected
    assert fetched(joined(place(text, PICTURES))) == []


@pytest.mark.parametrize(("text", "expected"), WORDS.values(), ids=WORDS)
def test_a_reference_in_prose_becomes_words(text: str, expected: str) -> None:
    """DESIGN decision 1: a bare reference becomes the picture's alt text, an unknown one is removed."""
    assert written(text) == expected


# Fails if a guard catches more than it must.
@pytest.mark.parametrize("text", UNTOUCHED.values(), ids=UNTOUCHED)
def test_what_is_harmless_passes_as_it_is(text: str) -> None:
    """The reply: code, mathematics, escaped text and ordinary links come through unchanged."""
    pieces, notes, _ = told(text, PICTURES, range(1, len(text)))
    assert merged(pieces) == (Text(text),)
    assert notes == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("$x_1![n]$", "$x_1! [n]$"), (r"\(a![b](c)\)", r"\(a! [b](c)\)"), ("$a <b c> d$", "$a < b c> d$")],
)
def test_in_a_formula_a_space_neutralises(text: str, expected: str) -> None:
    r"""A space means nothing to TeX; `\!` and `&lt;` would."""
    assert written(text) == expected


def test_a_dollar_that_is_a_price_begins_no_formula() -> None:
    """Scorecard S21: the neutralised form is the ordinary one outside formulas."""
    assert written("costs $5 ![x](https://evil.example)") == r"costs $5 \![x](https://evil.example)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("![x](https://e)", ["image_neutralised"]),
        ("<b>", ["html_neutralised"]),
        ("[x](javascript:a)", ["link_neutralised"]),
        ("![a](image://1)![a](image://1)", ["duplicate_dropped"]),
        ("image://9", ["reference_removed"]),
        ("![a](image:1)", ["reference_repaired"]),
        ("![a](image://1) `<b>`", []),
    ],
)
def test_what_was_changed_is_noted(text: str, expected: list[str]) -> None:
    """DESIGN decision 1: removed and reported."""
    assert codes(text) == expected


def test_a_note_holds_at_most_200_characters() -> None:
    """The model may write anything, so what is reported is bounded."""
    (note,) = told(f"![{'x' * 500}](image://9)", PICTURES)[1]
    assert len(note.found) == 200


def test_a_picture_of_an_earlier_turn_is_placed_but_never_missed_or_repaired_to() -> None:
    """DESIGN decision 2: every picture of this reply; those before it only if the model shows them again."""
    placement = Placement()
    placement.know(1, "old", own=False)
    placement.know(2, "new")
    pieces = (*placement.feed("![a](image://8) ![b](image://7) ![c](image://1)"), *placement.finish())
    assert numbers(pieces) == [2, 1]
    assert placement.unplaced == ()
    assert [note.code for note in placement.notes] == ["reference_repaired", "reference_removed"]


def test_earlier_pictures_are_asked_for_once_the_text_speaks_of_one() -> None:
    """A conversation may have thousands. Fails if they are asked for with each reply, or more than once."""
    asked: list[str] = []

    def earlier() -> dict[int, str]:
        asked.append("once")
        return {1: "old", 2: "older"}

    placement = Placement()
    placement.know_earlier(earlier)
    placement.know(3, "new")
    own = placement.feed("Some words, ![](image://3) and more. ")
    assert not asked
    again = (*placement.feed("![](image://2) ![](image://1) ![](image://9)"), *placement.finish())
    assert asked == ["once"]
    assert [(place.number, place.alt) for place in (*own, *again) if isinstance(place, Place)] == [
        (3, "new"),
        (2, "older"),
        (1, "old"),
    ]
    assert placement.unplaced == ()
    assert [note.code for note in placement.notes] == ["reference_removed"]


def test_a_reference_is_unknown_until_its_picture_is_given_out() -> None:
    """DESIGN decision 1: judged from the text so far."""
    placement = Placement()
    first = placement.feed("![a](image://1) then ")
    placement.know(1, "a")
    rest = (*placement.feed("![a](image://1)"), *placement.finish())
    assert (first, rest) == ((Text(" then "),), (Place(1, "a"),))


def test_a_line_of_prose_is_not_held_back() -> None:
    """DESIGN decision 2: hold back only what is undecided."""
    placement = Placement()
    assert placement.feed("A plain beginning") == (Text("A plain beginning"),)
    assert placement.held == 0
    assert placement.feed(", and ![a") == (Text(", and "),)
    assert placement.held == 3


@pytest.mark.parametrize(
    "text",
    ["![" + "x" * 3000, "`" + "x" * 3000, "<https:" + "x" * 3000, "[" + "x" * 3000, "[x](" + "y" * 3000],
)
def test_what_the_window_cannot_decide_is_neutralised(text: str) -> None:
    """DESIGN decision 2: at most 1 KiB is held back."""
    pieces, _, _ = told(text + ")`> ![x](https://evil.example)", PICTURES, range(1, len(text), 50))
    assert fetched(joined(pieces)) == []
    assert r"\![x](https://evil.example)" in joined(pieces) or "! [x](https://evil.example)" in joined(pieces)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("a", "\n\n"),
        ("a\n", "\n"),
        ("```\na", "\n```\n\n"),
        ("~~~~\na\n", "~~~~\n\n"),
        ("> ```\n> a", "\n\n"),
        ("```\na\n```", "\n\n"),
    ],
)
def test_a_picture_behind_the_text_stands_outside_its_last_block(text: str, expected: str) -> None:
    """DESIGN decision 2: a picture the model did not place is shown at the end, never inside a fence left open."""
    placement = Placement()
    pieces = (*placement.feed(text), *placement.finish())
    assert placement.apart == expected
    assert "<img " in _rendered(
        joined(pieces) + placement.apart + image_markdown("a", "https://pictures.example/1")
    )


def _rendered(markdown: str) -> str:
    from markdown_it import MarkdownIt

    return str(MarkdownIt("commonmark").render(markdown))


@pytest.mark.parametrize("text", ["a\ud83d\ude00b", "\0", "![\ud800](image://1)", "`\udfff`", "\ufffe"])
def test_what_cannot_be_written_is_replaced(text: str) -> None:
    """Scorecard U15: a lone surrogate and a NUL become U+FFFD."""
    for cut in range(len(text) + 1):
        pieces, _, _ = told(text, PICTURES, [cut])
        assert not any(c == "\0" or 0xD800 <= ord(c) < 0xE000 for c in joined(pieces))


def test_the_state_is_plain_data() -> None:
    """A placement can be copied in the middle, and both copies go on."""
    placement = Placement()
    placement.know(1, "a")
    placement.feed("x ![a](ima")
    twin = copy.deepcopy(placement)
    rest = (*placement.feed("ge://1) y"), *placement.finish())
    assert rest == (*twin.feed("ge://1) y"), *twin.finish())
    assert numbers(rest) == [1]
