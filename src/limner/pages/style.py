"""How a page looks: on paper and on glass, by day and by night, in every script."""

from __future__ import annotations

__all__ = ["STYLE"]

# Vermilion is the limner's own colour: rubrics were written in it.
STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbf8f1; --ink: #29241f; --soft: #6b6257; --line: #e5ddcf; --tint: #f3ede1;
  --rubric: #a5391f; --shade: rgb(72 52 28 / .22);
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "URW Palladio L", "Noto Serif", "Source Serif 4", Georgia, "DejaVu Serif", serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  --text: var(--serif); --measure: 36rem; --leading: 1.65;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #181512; --ink: #e8e1d5; --soft: #a89e90; --line: #38322b; --tint: #221e19;
    --rubric: #ee9878; --shade: rgb(0 0 0 / .6);
  }
}
:lang(zh) { --text: "PingFang SC", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Microsoft YaHei", sans-serif; --leading: 1.85; }
:lang(zh-Hant) { --text: "PingFang TC", "Noto Sans CJK TC", "Noto Sans TC", "Source Han Sans TC", "Microsoft JhengHei", sans-serif; }
:lang(ja) { --text: "Hiragino Sans", "Noto Sans CJK JP", "Noto Sans JP", "Source Han Sans JP", "Yu Gothic Medium", Meiryo, sans-serif; --leading: 1.9; }
:lang(ko) { --text: "Apple SD Gothic Neo", "Noto Sans CJK KR", "Noto Sans KR", "Malgun Gothic", sans-serif; --leading: 1.8; word-break: keep-all; }
:lang(ar) { --text: "Geeza Pro", "Noto Naskh Arabic", "Amiri", "Segoe UI", "DejaVu Sans", serif; --leading: 1.9; }
:lang(he) { --text: "Arial Hebrew", "Noto Serif Hebrew", "Frank Ruehl CLM", "Segoe UI", "DejaVu Sans", serif; --leading: 1.8; }
* { box-sizing: border-box; }
html { background: var(--paper); -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scrollbar-gutter: stable; }
body {
  margin: 0; padding: clamp(1.75rem, 6vw, 5rem) clamp(1.15rem, 5vw, 3rem) 3rem;
  color: var(--ink); background: var(--paper);
  font: clamp(1.0625rem, .98rem + .35vw, 1.1875rem) / var(--leading) var(--text);
  font-kerning: normal; hanging-punctuation: first allow-end; line-break: strict; text-autospace: normal;
  overflow-wrap: break-word; -webkit-font-smoothing: antialiased;
}
main, footer { max-width: var(--measure); margin-inline: auto; }
main > :first-child { margin-top: 0; }
p, ul, ol, blockquote, pre, .scroll { margin: 0 0 1.15em; }
p, li { text-wrap: pretty; }
li { unicode-bidi: plaintext; }
h1, h2, h3, h4, h5, h6 { margin: 2.1em 0 .6em; line-height: 1.25; font-weight: 600; text-wrap: balance; }
h1 { font-size: clamp(1.9rem, 1.45rem + 2.2vw, 2.75rem); letter-spacing: -.015em; line-height: 1.15; margin-bottom: .9em; }
h1:first-child::after { content: ""; display: block; width: 3.25rem; height: 3px; margin-top: .55em; border-radius: 2px; background: var(--rubric); }
h2 { font-size: 1.45em; }
h3 { font-size: 1.18em; }
h4, h5, h6 { font-size: 1em; color: var(--soft); }
:lang(zh) h1, :lang(ja) h1, :lang(ko) h1, :lang(ar) h1, :lang(he) h1 { letter-spacing: 0; line-height: 1.35; }
a { color: var(--rubric); text-decoration-thickness: from-font; text-underline-offset: .18em; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--rubric); outline-offset: 3px; border-radius: 2px; }
ul, ol { padding-inline-start: 1.6em; }
li { margin: .35em 0; padding-inline-start: .2em; }
li::marker { color: var(--rubric); font-variant-numeric: lining-nums tabular-nums; }
ol > li::marker { font-weight: 700; }
li > :last-child { margin-bottom: .35em; }
blockquote { margin-inline: 0; padding-inline-start: 1.1em; border-inline-start: 3px solid var(--rubric); color: var(--soft); }
blockquote > :last-child { margin-bottom: 0; }
hr { width: 6rem; margin: 2.6em auto; border: 0; border-top: 1px solid var(--line); }
code { font: .86em/1.5 var(--mono); background: var(--tint); border-radius: .3em; padding: .12em .35em; }
pre { overflow-x: auto; padding: 1em 1.15em; background: var(--tint); border: 1px solid var(--line); border-radius: .6rem; text-align: left; tab-size: 4; }
pre code { padding: 0; background: none; font-size: .82em; overflow-wrap: normal; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .94em; line-height: 1.5; font-variant-numeric: lining-nums tabular-nums; }
th, td { padding: .55em .9em; border-bottom: 1px solid var(--line); text-align: start; vertical-align: top; }
th { border-bottom: 2px solid var(--rubric); font-weight: 600; }
th:first-child, td:first-child { padding-inline-start: 0; }
td.right, th.right { text-align: right; }
td.center, th.center { text-align: center; }
img { display: block; max-width: 100%; height: auto; border-radius: .75rem; background: var(--tint); }
figure { margin: 1.9em 0 2.1em; break-inside: avoid; }
figure img { width: auto; max-height: 82vh; margin-inline: auto; box-shadow: 0 0 0 1px var(--line), 0 1.1rem 2.2rem -1.1rem var(--shade); }
figcaption { margin: .8em auto 0; max-width: 32rem; font-size: .84em; line-height: 1.5; color: var(--soft); text-align: center; text-wrap: balance; }
li > figure { margin: .9em 0 1.5em; }
.row { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(14rem, 100%), 1fr)); gap: 1.1rem; align-items: start; margin: 1.9em 0 2.1em; }
.row > figure { margin: 0; }
.picture { display: inline-block; vertical-align: middle; max-width: 100%; margin: .3em .15em; }
.picture img { max-height: 60vh; width: auto; }
td .picture { margin: 0; }
td .picture img { min-width: 6rem; max-width: min(16rem, 100%); max-height: 14rem; }
.missing { padding: 1.4em 1.2em; border: 1.5px dashed var(--line); border-radius: .75rem; color: var(--soft); text-align: center; font-size: .9em; }
.missing p { margin: 0; }
.missing p + p { margin-top: .4em; font-size: .9em; }
span.missing { display: inline-block; padding: .3em .7em; }
footer { margin-top: 4.5rem; padding-top: 1.1rem; border-top: 1px solid var(--line); font-size: .8em; line-height: 1.55; color: var(--soft); }
footer p { margin: 0; }
@media (min-width: 60rem) {
  main > figure, main > .row { margin-inline: -3.5rem; }
}
@media (prefers-color-scheme: dark) and (not print) {
  img { filter: brightness(.92); }
}
@media print {
  @page { margin: 18mm 20mm; }
  :root { --paper: #fff; --ink: #000; --soft: #444; --line: #ccc; --tint: #f5f5f5; --rubric: #8c2a12; --shade: transparent; --measure: none; }
  body { padding: 0; font-size: 11pt; orphans: 3; widows: 3; }
  main > figure, main > .row { margin-inline: 0; }
  figure img { max-height: 112mm; box-shadow: none; }
  footer { margin-top: 2rem; break-before: avoid; }
  h1, h2, h3, h4, h5, h6, p:has(+ figure), p:has(+ .row) { break-after: avoid; }
  h1, h2, h3, h4, h5, h6, tr, blockquote, li:has(> figure) { break-inside: avoid; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  .scroll { overflow: visible; }
  a { color: inherit; }
}
"""
