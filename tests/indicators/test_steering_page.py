"""The means of steering on a municipal page: each stage with what it can be moved by, in each language."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from costeff.chain import MEANS_LABELS
from costeff.report.steering import _indicators
from costeff.report.words import Words
from costeff.spec import LANGUAGES

HEADING = {"fi": "Millä ohjataan", "sv": "Vad som styr", "en": "What steers it"}


def page(chain, language):
    return str(_indicators(SimpleNamespace(chain=chain, words=Words(language))))


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_stage_tells_what_steers_it(catalogue, language):
    chain = catalogue.chains["intensive_family_work"]
    text = page(chain, language)
    assert HEADING[language] in text
    rows = text.split("<tbody")[1].split("<tr")[1:]
    for row, (_, node) in zip(rows, chain.stages(), strict=True):
        assert node.steering
        for one in node.steering:
            assert MEANS_LABELS[one.means][language] in row
            assert one.label[language].replace("'", "&#39;") in row


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_chain_that_nothing_steers_has_no_empty_column(catalogue, language):
    chain = catalogue.chains["intensive_family_work"]
    bare = {name: getattr(chain, name).override(steering=()) for name in ("input", "output", "outcome", "impact")}
    text = page(chain.override(**bare), language)
    assert HEADING[language] not in text
    assert text.count('scope="col"') == 3
