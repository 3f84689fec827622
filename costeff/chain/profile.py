"""The profile of a county: how it organises services, who works there, how cooperation goes, what targets stand."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from costeff.shown import Shows, lines, table, tabular, titled
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

    def table(self, language: str = "en") -> list[dict[str, str]]:
        """One row a question, with what the county told."""
        told = {"services are organised": MODEL_LABELS[self.organisation][language] if self.organisation else ""}
        told |= {
            f"{PROFESSION_LABELS[one][language]}, for 10 000 inhabitants": f"{self.staff[one]:g}"
            if one in self.staff
            else ""
            for one in PROFESSION_LABELS
        }
        told |= {
            f"cooperation with: {COOPERATION_LABELS[one][language]}": f"{self.cooperation[one]} of {SCALE[1]}"
            if one in self.cooperation
            else ""
            for one in COOPERATION_LABELS
        }
        return [{"asked": asked, "told": answer or "not told"} for asked, answer in (told | self._aims()).items()]

    def _aims(self) -> dict[str, str]:
        if self.targets is None:
            return {"targets are set": ""}
        return {"targets are set": ", ".join(self.targets.which) or "yes" if self.targets.set else "no"}

    def _title(self) -> str:
        when = f", answered {self.answered}" if self.answered else ""
        return f"{'Synthetic data. ' if self.synthetic else ''}Profile of county {self.county}{when}"

    def _html(self) -> str:
        return titled(f"County {self.county}", table(self.table(), self._title()))

    def _plain(self) -> str:
        return lines(self.table(), self._title())

    def _latex(self) -> str:
        return tabular(self.table(), self._title())
