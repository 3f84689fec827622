"""The profile of a county: how it organises services, who works there, how cooperation goes, what targets stand."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from costeff.shown import Shows, lines, table, titled
from costeff.spec import CountyCode, Label, Spec

Model = Literal["integrated", "sector_coordinator", "sector_client"]
MODELS: tuple[Model, ...] = ("sector_client", "sector_coordinator", "integrated")
MODEL_LABELS: dict[Model, Label] = {
    "integrated": Label(fi="integroitu", sv="integrerad", en="integrated"),
    "sector_coordinator": Label(
        fi="sektoroitunut, koordinaattori", sv="sektorsindelad, samordnare", en="by sector, with a coordinator"
    ),
    "sector_client": Label(
        fi="sektoroitunut, integraatio asiakastasolla",
        sv="sektorsindelad, integration på klientnivå",
        en="by sector, integrated for each client",
    ),
}
Profession = Literal["social_worker", "social_instructor", "family_worker", "psychologist", "nurse", "psychiatrist"]
PROFESSION_LABELS: dict[Profession, Label] = {
    "social_worker": Label(fi="sosiaalityöntekijät", sv="socialarbetare", en="social workers"),
    "social_instructor": Label(fi="sosiaaliohjaajat", sv="socialhandledare", en="social instructors"),
    "family_worker": Label(fi="perhetyöntekijät", sv="familjearbetare", en="family workers"),
    "psychologist": Label(fi="psykologit", sv="psykologer", en="psychologists"),
    "nurse": Label(fi="sairaanhoitajat", sv="sjukskötare", en="nurses"),
    "psychiatrist": Label(fi="psykiatrit", sv="psykiatrer", en="psychiatrists"),
}
Cooperation = Literal["schools", "health_care", "substance_use", "police", "employment", "organisations"]
COOPERATION_LABELS: dict[Cooperation, Label] = {
    "schools": Label(fi="koulut ja opiskeluhuolto", sv="skolor och elevvård", en="schools and pupil welfare"),
    "health_care": Label(fi="perusterveydenhuolto", sv="primärvård", en="primary health care"),
    "substance_use": Label(
        fi="mielenterveys- ja päihdepalvelut", sv="psykiatri och missbrukarvård", en="mental health and substance use"
    ),
    "police": Label(fi="poliisi ja Rikosseuraamuslaitos", sv="polisen och Brottspåföljdsmyndigheten", en="police and "
                    "the prison service"),
    "employment": Label(fi="työllisyyspalvelut", sv="sysselsättningstjänster", en="employment services"),
    "organisations": Label(fi="järjestöt", sv="organisationer", en="organisations"),
}  # fmt: skip
NOT_TOLD = "not told"
SCALE = (1, 5)  # of cooperation: 1 is the worst
Level = Annotated[int, Field(ge=SCALE[0], le=SCALE[1])]
Staff = Annotated[float, Field(ge=0, le=1000)]  # full-time equivalents for 10 000 inhabitants
Target = Literal["quantity", "effect", "cost", "staff"]


class Targets(Spec):
    """Whether targets are set, and of which kinds."""

    set: bool
    which: Annotated[tuple[Target, ...], Field(strict=False)] = ()


class CountyProfile(Shows, Spec):
    """What one county says of itself. What is not known is left out, and stays missing."""

    county: CountyCode
    synthetic: bool = False
    answered: date | None = None
    organisation: Model | None = None
    staff: dict[Profession, Staff] = Field(default_factory=dict)
    cooperation: dict[Cooperation, Level] = Field(default_factory=dict)
    targets: Targets | None = None

    @property
    def tells(self) -> bool:
        """Whether anything was filled in besides whose profile it is."""
        return bool(self.organisation or self.staff or self.cooperation or self.targets)

    def _rows(self) -> list[dict[str, str]]:
        organised = MODEL_LABELS[self.organisation]["en"] if self.organisation else NOT_TOLD
        staff = {PROFESSION_LABELS[one]["en"]: f"{number:g}" for one, number in self.staff.items()}
        works = {COOPERATION_LABELS[one]["en"]: f"{level}" for one, level in self.cooperation.items()}
        targets = NOT_TOLD
        if self.targets:
            targets = ", ".join(self.targets.which) or ("set" if self.targets.set else "none set")
        told = {
            "Organisation": {"": organised},
            "Staff for 10 000 inhabitants": staff or {"": NOT_TOLD},
            f"Cooperation, {SCALE[0]} (worst) to {SCALE[1]}": works or {"": NOT_TOLD},
            "Targets": {"": targets},
        }
        return [
            {"What": what, "Of": of, "Answer": answer} for what, found in told.items() for of, answer in found.items()
        ]

    def _title(self) -> str:
        made = ", synthetic" if self.synthetic else ""
        when = f", {self.answered}" if self.answered else ""
        return f"Profile of county {self.county}{made}{when}"

    def _html(self) -> str:
        return titled(self._title(), table(self._rows(), "What the county says of itself"))

    def _plain(self) -> str:
        return lines(self._rows(), self._title())
