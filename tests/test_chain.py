"""The impact chain: four stages in three languages, drawn so that nothing in a label can break out."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from costeff.chain import STAGES, Impact, ImpactChain, Input, Node, Outcome, Steering
from costeff.chain.steering import STEERED_BY
from costeff.spec import LANGUAGES, Label

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert('1')</script> & \"quoted\" ]]> </svg>"


def label(text: str) -> Label:
    return Label(fi=f"{text} fi", sv=f"{text} sv", en=f"{text} en")


def chain(text: str = "Family work") -> ImpactChain:
    return ImpactChain(
        id="family_work",
        label=label(text),
        option=label(text),
        comparator=label("usual"),
        input=Input(label=label(text), indicator=label(text), kind="quantity", cost="register", payer="county"),
        output=Node(label=label(f"{text} done"), indicator=label("clients"), kind="quantity"),
        outcome=Outcome(
            label=label("at home"), indicator=label("share placed"), kind="effect", event=label("placement"),
            data="register", outcome="placement", source=("wsipp_181",), model="binary", follow_up_days=365,
            transfer="risk", unit=label("placement"),
        ),
        impact=Impact(
            label=label("fewer years in care"), indicator=label("years"), kind="effect", model="taking_into_care",
            price_set="quoted", horizon_years=10,
        ),
        evidence=label("a register"),
        does_not_show=(label("adult life"),),
    )  # fmt: skip


def drawn(svg: str) -> ElementTree.Element:
    """An inline SVG takes its namespace from the page; read as a file of its own it needs one."""
    return ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_diagram_is_well_formed_and_holds_four_boxes(language: str) -> None:
    root = drawn(chain().diagram(language))
    assert len(root.findall(f"{SVG}rect")) == 4
    assert len(root.findall(f"{SVG}path")) == 3
    words = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))
    assert f"at home {language}" in words


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_diagram_can_be_read_without_seeing_it(language: str) -> None:
    root = drawn(chain().diagram(language))
    title = root.find(f"{SVG}title")
    assert title is not None
    assert root.get("role") == "img"
    assert root.get("aria-label") == title.text
    for _, node in chain().stages():
        assert node.label[language] in (title.text or "")


def test_quantities_are_dashed_and_changes_are_not() -> None:
    dashed = [rect.get("stroke-dasharray") is not None for rect in drawn(chain().diagram()).findall(f"{SVG}rect")]
    assert dashed == [True, True, False, False]


def test_a_hostile_label_stays_a_text() -> None:
    root = drawn(chain(HOSTILE).diagram())
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {"svg", "title", "rect", "path", "text"}
    assert HOSTILE in (root.findtext(f"{SVG}title") or "")
    assert "<script" not in chain(HOSTILE)._repr_html_()


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc")), min_size=1, max_size=60))
def test_any_label_gives_a_well_formed_diagram(text: str) -> None:
    try:
        root = drawn(chain(text).diagram("sv"))
    except ElementTree.ParseError:
        assert any(ord(character) in (0xFFFE, 0xFFFF) for character in text)  # which XML cannot hold
        return
    assert len(root.findall(f"{SVG}rect")) == 4


def test_the_diagram_brings_nothing_from_outside() -> None:
    svg = chain().diagram()
    assert "http" not in svg
    assert "<script" not in svg
    assert "url(" not in svg


def test_a_long_label_is_wrapped_without_losing_a_word() -> None:
    long = "Perheen kanssa tehdyn työn tunnit kotona ja lastensuojelulaitosjälkihuoltotyöntekijöiden kokoukset"
    words = " ".join(text.text or "" for text in drawn(chain(long).diagram("fi")).iter(f"{SVG}text"))
    assert all(word in words for word in long.split())


@pytest.mark.parametrize(
    ("language", "stages", "kinds"),
    [
        ("fi", ["Panos", "Suorite", "Vaikutus", "Vaikuttavuus"], ["määrä", "määrä", "muutos", "muutos"]),
        ("sv", ["Insats", "Prestation", "Effekt", "Genomslag"], ["mängd", "mängd", "förändring", "förändring"]),
        ("en", ["Input", "Output", "Outcome", "Impact"], ["quantity", "quantity", "change", "change"]),
    ],
)
def test_the_table_tells_the_stages_in_each_language(language: str, stages: list[str], kinds: list[str]) -> None:
    table = chain().table(language)
    assert [row["stage"] for row in table] == stages
    assert [row["kind"] for row in table] == kinds
    assert table[2]["what"] == f"at home {language}"
    assert table[2]["indicator"] == f"share placed {language}"


def test_stages_stand_in_order() -> None:
    assert tuple(name for name, _ in chain().stages()) == STAGES


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        ImpactChain.model_validate({**dict(chain()), "saving": 130_000})
    with pytest.raises(ValidationError, match="Extra inputs"):
        Node.model_validate({**dict(chain().output), "price": 100})


@pytest.mark.parametrize(
    ("node", "change"),
    [
        ("outcome", {"follow_up_days": 0}),
        ("outcome", {"transfer": "ratio"}),
        ("outcome", {"kind": "hours"}),
        ("impact", {"horizon_years": 0}),
        ("impact", {"horizon_years": 61}),
        ("impact", {"price_set": 130_000}),
        ("input", {"cost": "130 000"}),
    ],
)
def test_a_chain_holds_no_nonsense(node: str, change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        getattr(chain(), node).override(**change)


def test_a_chain_says_what_it_does_not_show() -> None:
    with pytest.raises(ValidationError):
        chain().override(does_not_show=())


def steered(*means: str) -> ImpactChain:
    """The chain, its output steered by some means."""
    given = tuple(Steering(means=one, label=label(f"by {one}"), source="stated_assumption") for one in means)  # type: ignore[arg-type]
    return chain().override(output=chain().output.override(steering=given))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_steers_a_stage_stands_in_its_row_and_in_its_box(language: str) -> None:
    made = steered("dialogue", "norm", "norm")
    rows = made.table(language)
    assert [bool(row["steering"]) for row in rows] == [False, True, False, False]
    assert rows[1]["steering"].count(f"by norm {language}") == 2
    words = [text.text for text in drawn(made.diagram(language)).iter(f"{SVG}text")]
    assert made.output.means() == ("norm", "dialogue"), "each once, in the order of the glossary"
    assert sum(bool(word and word.startswith(STEERED_BY[language])) for word in words) == 1
    assert "Steering" in made._repr_html_()


def test_a_chain_without_steering_is_drawn_as_before() -> None:
    assert "steering" not in chain().table()[0]
    assert 'viewBox="0 0 908 132"' in chain().diagram()
    assert "Steering" not in chain()._repr_html_()


def test_all_means_of_steering_fit_in_a_box() -> None:
    svg = drawn(steered("norm", "resource", "information", "dialogue").diagram("fi"))
    height = float(svg.get("viewBox", "").split()[3])
    assert max(float(text.get("y", 0)) for text in svg.iter(f"{SVG}text")) < height
    assert all(len(text.text or "") <= 34 for text in svg.iter(f"{SVG}text") if text.get("font-style"))
