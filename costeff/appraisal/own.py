"""A chain of one's own: the template to fill in, and whether what was filled in can be appraised."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from costeff.appraisal.request import check_chains, price_sets_for
from costeff.avoided_cost import MODELS
from costeff.errors import ParamsError, Problem, Problems
from costeff.params import Catalogue
from costeff.params.own_guide import explained
from costeff.params.own_template import chain_template
from costeff.params.reader import ADDED
from costeff.spec import Language, read_yaml

if TYPE_CHECKING:
    import pandas as pd

    from costeff.chain import ImpactChain

STATES: dict[str, tuple[str, ...]] = {name: model.items for name, model in MODELS.items()}


def own_chain(
    name: str,
    catalogue: Catalogue,
    language: Language = "en",
    *,
    model: str | None = None,
    cost: str | None = None,
) -> str:
    """The text of a file with a chain to fill in; see `chain_template`."""
    return chain_template(name, catalogue, STATES, language, model=model, cost=cost)


def check_own(file: Path, language: Language = "en", folder: Path | None = None) -> tuple[Problem, ...]:
    """Everything that keeps the chains of a user's own file from being appraised, in the user's language.

    Parameters
    ----------
    file
        As the template of `own_chain`, filled in or not.
    folder
        Another params/.
    """
    found, catalogue = _problems(file, folder)
    choices = {"models": list(MODELS)}
    if catalogue is not None:
        choices |= {"price_sets": list(catalogue.price_sets), "indices": list(catalogue.indices)}
    return tuple(explained(found, language, **{name: ", ".join(known) for name, known in choices.items()}))


def chains_of(file: Path) -> list[str]:
    """Ids of the chains in a user's own file; none of one that cannot be read."""
    document = read_yaml(file, Problems())
    chains = document.data.get("chains") if document and isinstance(document.data, dict) else None
    return [str(name) for name in chains] if isinstance(chains, dict) else []


def check_text(text: str, language: Language = "en", folder: Path | None = None) -> tuple[Problem, ...]:
    """`check_own` of a text that no file holds, such as that of an empty template."""
    with TemporaryDirectory() as aside:
        file = Path(aside) / "own.yaml"
        file.write_text(text, encoding="utf-8")
        return check_own(file, language, folder)


def added(catalogue: Catalogue, before: Catalogue) -> dict[str, list[str]]:
    """Ids of a catalogue that another lacks, by what they are ids of."""
    groups = {name: set(getattr(catalogue, name)) - set(getattr(before, name)) for name in ADDED}
    return {name: sorted(ids) for name, ids in groups.items() if ids}


def _problems(file: Path, folder: Path | None) -> tuple[list[Problem], Catalogue | None]:
    """What is wrong, and the catalogue in which it is: the one without the file, where that makes none."""
    before: Catalogue | None = None
    try:
        before = Catalogue.load(folder)
        catalogue = Catalogue.load(folder, own=[file])
    except ParamsError as error:
        return list(error.problems), before
    names = chains_of(file)
    others = {str(problem) for problem in check_chains(before)} if before.hash != catalogue.hash else set()
    found = [problem for problem in check_chains(catalogue) if str(problem) not in others]
    if not names:
        found.append(Problem(file.name, "has no chain", "add a chain below the key chains"))
    for chain in (catalogue.chains[name] for name in names):
        able, chosen, model = _able(chain, catalogue), chain.impact.price_set, chain.impact.model
        if able and chosen not in able:
            found = [one for one in found if not one.place.startswith(f"price_sets.yaml {chosen}.prices.{model}")]
            rule, cure = f"{chosen} cannot price {model}", f"choose of {', '.join(able)}"
            found.append(Problem(f"chains {chain.id}.impact.price_set", rule, cure))
    return found, catalogue


def _able(chain: ImpactChain, catalogue: Catalogue) -> list[str]:
    """Price sets that can price the chain's model; none for a model there is not."""
    return price_sets_for(chain, catalogue) if chain.impact.model in MODELS else []


def as_table(problems: tuple[Problem, ...]) -> pd.DataFrame:
    """Problems as a table, for a notebook: where, what is wrong, what to write."""
    import pandas as pd

    rows = [(one.place.partition(" ")[2] or one.place, one.rule, one.cure) for one in problems]
    return pd.DataFrame(rows, columns=["where", "what is wrong", "what to write"])
