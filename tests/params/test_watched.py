"""A result depends on the entries that were read for it, and on no other."""

from dataclasses import replace

import pytest

from costeff.errors import UsageError
from costeff.params.watched import changed, watched


def dearer(catalogue, name):
    cost = catalogue.unit_costs[name]
    values = (cost.values[0].override(mean=cost.values[0].mean + 1), *cost.values[1:])
    return replace(catalogue, unit_costs={**catalogue.unit_costs, name: cost.override(values=values)})


def test_what_was_read_is_noted_and_nothing_else(catalogue):
    seen, log = watched(catalogue)
    name, other = sorted(catalogue.unit_costs)[:2]
    assert seen.unit_costs[name] is catalogue.unit_costs[name]
    reads = log.told(catalogue)
    assert f"unit_costs {name}" in reads
    assert f"unit_costs {other}" not in reads
    assert changed(reads, catalogue) == []
    assert changed(reads, dearer(catalogue, other)) == []
    assert changed(reads, dearer(catalogue, name)) == [f"unit_costs {name}"]


def test_going_through_a_group_depends_on_all_of_it(catalogue):
    seen, log = watched(catalogue)
    assert list(seen.unit_costs.values()) == list(catalogue.unit_costs.values())
    last = sorted(catalogue.unit_costs)[-1]
    assert "unit_costs *" in changed(log.told(catalogue), dearer(catalogue, last))


def test_what_was_not_there_is_noted_too(catalogue):
    seen, log = watched(catalogue)
    assert "no_such" not in seen.chains
    assert seen.links.get("no_such") is None
    more = replace(catalogue, chains={**catalogue.chains, "no_such": next(iter(catalogue.chains.values()))})
    assert changed(log.told(catalogue), more) == ["chains no_such"]


def test_conventions_are_always_part(catalogue):
    _, log = watched(catalogue)
    other = replace(catalogue, conventions=catalogue.conventions.override(first_year=2030))
    assert changed(log.told(catalogue), other) == ["conventions "]
    assert changed(log.told(catalogue), replace(catalogue, changes=("a price",))) == ["changes "]


def test_its_methods_read_through_it_and_say_what_is_wrong_as_ever(catalogue):
    seen, log = watched(catalogue)
    assert seen.municipality("091").name("en") == "Helsinki"
    assert "municipalities 091" in log.told(catalogue)
    with pytest.raises(UsageError, match="write 091"):
        seen.municipality("91")


def test_the_hash_is_of_what_was_read(catalogue):
    name, other = sorted(catalogue.unit_costs)[:2]

    def hash_after(source):
        seen, _ = watched(source)
        _ = seen.unit_costs[name]
        return seen.hash

    assert hash_after(catalogue) == hash_after(dearer(catalogue, other))
    assert hash_after(catalogue) != hash_after(dearer(catalogue, name))


def test_nothing_is_told_by_its_address_in_memory(catalogue):
    import json

    from costeff.params.watched import _groups, _plain

    assert " at 0x" not in json.dumps(_groups(catalogue), default=_plain)
