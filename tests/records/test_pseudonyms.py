"""Keys, pseudonyms, and hashes that are none: a hostile or careless user gets no further than a told problem."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import stat
import uuid
from collections.abc import Callable
from datetime import date
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from register_builders import KNOWN, Frames, fuller, put, write
from typer.testing import CliRunner

from costeff.cli import app
from costeff.errors import DataError, SetupError, UsageError
from costeff.identity import artificial, find
from costeff.records import check, hashed, open_register, register_from_frames
from costeff.records.hashed import looks_hashed
from costeff.records.info import Keyed
from costeff.records.pseudonyms import make_key, pseudonymise, read_key

ROOT = Path(__file__).parents[2]
BORN = (date(1990, 1, 1), date(1990, 1, 20))
CODES = artificial(40, np.random.default_rng(2), born=BORN)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def extract() -> Frames:
    """A provider's own extract: identity codes, one of them in lower case and one with a dash, in some tables."""
    frames, codes = fuller(), dict(zip(("c1", "c2", "c3", "c4"), CODES, strict=False))
    for name, frame in frames.items():
        frames[name] = frame.assign(client=frame["client"].map(codes))
    frames["outcomes"]["client"] = frames["outcomes"]["client"].str.lower()
    frames["ends"]["client"] = frames["ends"]["client"].str.replace("-", "\u2013")
    return frames


# --- the key ------------------------------------------------------------------------------------


def test_a_key_is_for_its_owner_alone_and_reads_back(keys: Path) -> None:
    made = make_key(keys / "key", "perhe 2026")
    assert stat.S_IMODE((keys / "key").stat().st_mode) == 0o600
    assert read_key(keys / "key") == made
    assert made.secret.hex() not in repr(made) + made.fingerprint
    assert [file.name for file in keys.iterdir()] == ["key"]


def test_a_pseudonym_is_a_keyed_hash_of_project_and_code(keys: Path) -> None:
    key = make_key(keys / "key", "p")
    message = f"costeff\0p\0client\0{CODES[0]}".encode()
    assert key.pseudonym(CODES[0]) == "k" + hmac.digest(key.secret, message, "sha256")[:16].hex()
    assert len({key.pseudonym(code) for code in CODES}) == len(CODES)


def test_projects_and_rotated_keys_have_nothing_in_common(keys: Path) -> None:
    first = make_key(keys / "key", "p")
    with pytest.raises(UsageError, match="is not the project of the key"):
        make_key(keys / "key", "another", rotate=True)
    assert read_key(keys / "key") == first
    second = make_key(keys / "key", "p", rotate=True)
    assert read_key(keys / f"key.{first.fingerprint}") == first
    other = type(first)("q", first.secret)
    assert len({key.pseudonym(CODES[0]) for key in (first, second, other)}) == 3
    assert len({key.fingerprint for key in (first, second, other)}) == 3


def test_a_key_that_is_there_is_not_replaced(keys: Path) -> None:
    before = make_key(keys / "key", "p")
    with pytest.raises(SetupError, match="already exists"):
        make_key(keys / "key", "p")
    assert read_key(keys / "key") == before


def _readable(keys: Path) -> Path:
    (keys / "key").chmod(0o640)
    return keys / "key"


def _link(keys: Path) -> Path:
    (keys / "link").symlink_to(keys / "key")
    return keys / "link"


def _link_to_nothing(keys: Path) -> Path:
    (keys / "link").symlink_to(keys / "gone")
    return keys / "link"


def _open_folder(keys: Path) -> Path:
    keys.chmod(0o777)
    return keys / "key"


def _work_tree(keys: Path) -> Path:
    (keys / ".git").mkdir()
    return keys / "key"


def _linked_worktree(keys: Path) -> Path:
    (keys / ".git").write_text("gitdir: elsewhere")
    return keys / "key"


def _pipe(keys: Path) -> Path:
    (keys / "key").unlink()
    os.mkfifo(keys / "key", 0o600)
    return keys / "key"


def _short(keys: Path) -> Path:
    (keys / "key").write_text(json.dumps({"project": "p", "key": "ab" * 16}))
    return keys / "key"


def _not_a_key(keys: Path) -> Path:
    (keys / "key").write_text('{"project": "p", "key": "s3cret"}')
    return keys / "key"


def _bytes(keys: Path) -> Path:
    (keys / "key").write_bytes(b"\xff\xfes3cret")
    return keys / "key"


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (_readable, "can be read or written by others"),
        (_link, "is a link"),
        (_link_to_nothing, "is a link"),
        (_open_folder, "can be written by everybody"),
        (_work_tree, "lies within"),
        (_linked_worktree, "lies within"),
        (_pipe, "is not a file"),
        (_short, "shorter than 32 bytes"),
        (_not_a_key, "is not the file of a key"),
        (_bytes, "is not the file of a key"),
        (lambda keys: keys / "gone", "cannot be read"),
        (lambda keys: keys / ("x" * 300), "File name too long"),
        (lambda keys: keys / "a\0b", "cannot be opened"),
        (lambda keys: keys, "cannot be read"),
    ],
)
def test_a_key_that_is_not_kept_as_a_key_is_refused(keys: Path, spoil: Callable[[Path], Path], rule: str) -> None:
    make_key(keys / "key", "p")
    with pytest.raises(SetupError) as caught:
        read_key(spoil(keys))
    assert rule in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_key_does_not_come_into_the_project(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="lies within"):
        make_key(ROOT / "key", "p")
    (tmp_path / "way").symlink_to(ROOT / "params")
    with pytest.raises(SetupError, match="lies within"):
        make_key(tmp_path / "way" / "key", "p")
    assert not (ROOT / "key").exists()
    assert not (ROOT / "params" / "key").exists()


@pytest.mark.parametrize("project", ["", "  ", "x" * 101, "a\nb", "a\0b"])
def test_a_project_needs_a_name(keys: Path, project: str) -> None:
    with pytest.raises(UsageError, match="is not a name"):
        make_key(keys / "key", project)


# --- a register with pseudonyms --------------------------------------------------------------------


def test_an_extract_gets_pseudonyms_and_nothing_else_changes(tmp_path: Path, keys: Path, extract: Frames) -> None:
    key = make_key(keys / "key", "p")
    source = write(tmp_path / "extract", extract, "excel")
    rows = pseudonymise(source, tmp_path / "out", key, "clinic", KNOWN)
    assert rows.to_dict() == {name: len(frame) for name, frame in extract.items()}
    with open_register(tmp_path / "out", keep_pseudonyms=True) as register:
        check(register, KNOWN)
        assert register.info.pseudonyms is not None
        assert (register.info.pseudonyms.project, register.info.pseudonyms.providers) == ("p", ("clinic",))
        clients = register.run(register.rows("clients"))
        assert set(register.run(register.rows("episodes"))["provider"]) == {"clinic"}
    assert clients["client"].is_monotonic_increasing
    truth = extract["clients"].assign(client=extract["clients"]["client"].map(key.pseudonym)).set_index("client")
    pd.testing.assert_frame_equal(
        clients.set_index("client")[["municipality", "risk_group"]], truth.sort_index(), check_dtype=False
    )
    written = [tmp_path / "out", *(tmp_path / "out").iterdir()]
    assert [stat.S_IMODE(path.stat().st_mode) for path in written] == [0o750] + [0o640] * (len(written) - 1)
    content = b"".join(path.read_bytes() for path in written[1:]).decode("latin-1")
    assert find(content) == []
    assert key.secret.hex() not in content


def test_wrong_codes_are_told_by_row_and_never_by_value(tmp_path: Path, keys: Path, extract: Frames) -> None:
    key = make_key(keys / "key", "p")
    wrong = CODES[0][:10] + ("A" if CODES[0][10] != "A" else "B")
    put(put(extract, "clients", "client", 2, wrong), "episodes", "client", 3, "1.1.1990")
    put(extract, "episodes", "client", 4, "somebody")
    with pytest.raises(DataError) as caught:
        pseudonymise(write(tmp_path / "extract", extract, "csv"), tmp_path / "out", key, "clinic")
    told = str(caught.value)
    assert "clients.client: is not a valid personal identity code, in 1 row (first data rows 2)" in told
    assert "episodes.client: is not a valid personal identity code, in 2 rows (first data rows 3, 4)" in told
    assert not any(value in told for value in (wrong, CODES[0][:6], "somebody", "1.1.1990"))
    assert not (tmp_path / "out").exists()


def test_the_provider_is_an_id_and_an_old_folder_is_left_alone(tmp_path: Path, keys: Path, extract: Frames) -> None:
    key, source = make_key(keys / "key", "p"), write(tmp_path / "extract", extract, "csv")
    with pytest.raises(UsageError, match="is not an id"):
        pseudonymise(source, tmp_path / "out", key, "../clinic")
    (tmp_path / "out").mkdir()
    with pytest.raises(SetupError, match="already exists"):
        pseudonymise(source, tmp_path / "out", key, "clinic")
    assert list((tmp_path / "out").iterdir()) == []


def test_no_code_is_in_what_the_new_register_is_called(tmp_path: Path, keys: Path, extract: Frames) -> None:
    key, code = make_key(keys / "key", "p"), CODES[9]
    for name, label in (("extract", f"Ote {code}"), (code, "")):
        source = write(tmp_path / name, extract, "csv")
        (source / "register.json").write_text(json.dumps({"label": label} if label else {}))
        with pytest.raises(DataError, match="holds a personal identity code") as caught:
            pseudonymise(source, tmp_path / "out", key, "clinic")
        assert code not in str(caught.value)
        assert not (tmp_path / "out").exists()
    with pytest.raises(DataError, match="folder: holds a personal identity code") as caught:
        pseudonymise(tmp_path / "extract", tmp_path / code, key, "clinic")
    assert code not in str(caught.value)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_folder_that_cannot_be_is_told(tmp_path: Path, keys: Path, extract: Frames, name: str) -> None:
    source = write(tmp_path / "extract", extract, "csv")
    with pytest.raises(SetupError, match="cannot be written"):
        pseudonymise(source, tmp_path / name, make_key(keys / "key", "p"), "clinic")


def test_an_extract_with_codes_is_no_register(tmp_path: Path, extract: Frames) -> None:
    with open_register(write(tmp_path / "extract", extract, "csv")) as register, pytest.raises(DataError) as caught:
        check(register)
    assert "looks like a personal identity code" in str(caught.value)
    assert CODES[0][:6] not in str(caught.value)


def test_the_command_makes_a_key(keys: Path) -> None:
    done = CliRunner().invoke(app, ["link", "key", str(keys / "key"), "--project", "perhe"])
    assert done.exit_code == 0, done.output
    key = read_key(keys / "key")
    assert key.fingerprint in done.output
    assert key.secret.hex() not in done.output


# --- unsalted hashes -------------------------------------------------------------------------------

FORMS: dict[str, Callable[[str], str]] = {
    "as written": str,
    "lower case": str.lower,
    "no sign": lambda code: code[:6] + code[7:],
    "newline": lambda code: code + "\n",
}
WRITTEN: dict[str, Callable[[bytes], str]] = {
    "hexadecimal": bytes.hex,
    "capitals": lambda digest: digest.hex().upper(),
    "base32": lambda digest: base64.b32encode(digest).decode(),
    "base64": lambda digest: base64.b64encode(digest).decode(),
    "base64 for addresses": lambda digest: base64.urlsafe_b64encode(digest).decode().rstrip("="),
}


def search(texts: list[str], **options: float | None) -> hashed.HashSearch:
    frames = {"clients": pd.DataFrame({"client": texts, "municipality": "091", "risk_group": "low"})}
    with register_from_frames(frames, synthetic=False, label="hashes") as register:
        return looks_hashed(register.rows("clients"), register.run, **options)


@pytest.fixture
def few_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days of birth are those of the codes, so that trying them all is quick."""
    monkeypatch.setattr(hashed, "FIRST_BIRTH", BORN[0])
    monkeypatch.setattr(hashed, "DAYS", (BORN[1] - BORN[0]).days + 1)


@pytest.mark.usefixtures("few_days")
@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "blake2b"])
def test_every_unsalted_hash_is_found(algorithm: str) -> None:
    for form, write_it in zip(cycle(FORMS.values()), WRITTEN.values(), strict=False):
        texts = [write_it(hashlib.new(algorithm, form(code).encode()).digest()) for code in CODES]
        assert search(texts, seconds=None, wanted=1).found > 0, (algorithm, form, write_it)


@pytest.mark.usefixtures("few_days")
@pytest.mark.parametrize(
    "disguised",
    [
        lambda code: "k" + hashlib.sha256(code).hexdigest()[:32],
        lambda code: "h_" + hashlib.sha256(code).hexdigest(),
        lambda code: "sha256:" + hashlib.sha256(code).hexdigest(),
        lambda code: "0x" + hashlib.md5(code).hexdigest().upper(),
        lambda code: "c" + hashlib.sha256(code).hexdigest(),  # a prefix that is a digit too
        lambda code: hashlib.sha256(code).hexdigest()[:16],
        lambda code: hashlib.sha1(code).hexdigest()[:24],
        lambda code: str(uuid.UUID(hashlib.md5(code).hexdigest())),
        lambda code: hashlib.blake2b(code, digest_size=32).hexdigest(),
    ],
)
def test_a_hash_in_disguise_is_found(disguised: Callable[[bytes], str]) -> None:
    assert search([disguised(code.encode()) for code in CODES], seconds=None, wanted=1).found > 0


@pytest.mark.usefixtures("few_days")
def test_a_keyed_hash_is_warned_of_and_not_refused() -> None:
    found = search([hmac.digest(b"secret", code.encode(), "sha256").hex() for code in CODES], seconds=None, wanted=1)
    assert (found.found, found.shaped, found.probability) == (0, len(CODES), 1.0)
    assert "secret key" in found.remark
    assert str(hashed.DAYS) in found.remark
    assert all(name in found.remark for name in ("sha256", "sha3_256", "blake2b_256", "nothing is known"))


@pytest.mark.parametrize(
    "shape",
    [
        "c1",
        "a" * 12,
        "123e4567-e89b-42d3-a456-426614174000",
        "0" * 31,
        "client_0000000000000017",
        "client-of-2024-0001",
    ],
)
def test_other_pseudonyms_are_not_searched(shape: str) -> None:
    assert search([shape]) == hashed.HashSearch(0)


def test_the_probability_told_is_that_of_finding() -> None:
    """Of drawing days without replacement, for clients born on so many days as the rule takes."""
    generator, clients, days = np.random.default_rng(3), 60, 500
    found = 0
    for _ in range(2000):
        born = np.unique(generator.integers(0, hashed.AGE_SPAN, clients))
        found += bool(np.isin(generator.choice(hashed.DAYS, days, replace=False), born).any())
    assert abs(found / 2000 - hashed._probability(days, clients)) < 0.04


def test_the_search_keeps_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashed, "_forms", lambda day: iter([b"x"]))
    found = search([hashlib.sha256(b"keyed").hexdigest()], seconds=0.0)
    assert found.days == 1
    assert 0 < found.probability < 0.01


@pytest.mark.usefixtures("few_days")
def test_the_check_refuses_unsalted_hashes_of_real_clients_and_remarks_on_others(extract: Frames) -> None:
    def renamed(by: Callable[[str], str], synthetic: bool) -> object:
        frames = {
            name: frame.assign(client=frame["client"].str.upper().str.replace("\u2013", "-").map(by))
            for name, frame in extract.items()
        }
        return register_from_frames(frames, synthetic=synthetic, label="r")

    unsalted = lambda code: hashlib.sha256(code.encode()).hexdigest()  # noqa: E731
    with renamed(unsalted, False) as register, pytest.raises(DataError) as caught:  # type: ignore[attr-defined]
        check(register)
    assert "clients.client: is an unsalted hash of a personal identity code" in str(caught.value)
    with renamed(unsalted, True) as register:  # type: ignore[attr-defined]
        check(register)
        assert register.remarks == ()
    with renamed(lambda code: hmac.digest(b"secret", code.encode(), "md5").hex(), False) as register:  # type: ignore[attr-defined]
        check(register)
        assert len(register.remarks) == 1


@pytest.mark.usefixtures("few_days")
def test_to_name_a_key_does_not_make_a_hash_a_pseudonym(extract: Frames, tmp_path: Path) -> None:
    """A register says its pseudonyms are keyed: those of our form are believed, the others searched."""

    def checked(by: Callable[[str], str]) -> tuple[str, ...]:
        frames = {
            name: frame.assign(client=frame["client"].str.upper().str.replace("\u2013", "-").map(by))
            for name, frame in extract.items()
        }
        with register_from_frames(frames, synthetic=False, label="r") as register:
            keyed = Keyed(project="perhe 2026", key="0" * 16, providers=("clinic",))
            register.info = register.info.override(pseudonyms=keyed)
            check(register)
            return register.remarks

    def ours(code: str) -> str:
        return "k" + hmac.digest(b"secret", code.encode(), "sha256")[:16].hex()

    def unsalted(code: str) -> str:
        return hashlib.sha256(code.encode()).hexdigest()

    assert checked(ours) == ()
    for by in (
        unsalted,
        lambda code: unsalted(code)[:33],
        lambda code: unsalted(code) if code == CODES[0] else ours(code),
    ):
        with pytest.raises(DataError) as caught:
            checked(by)
        assert "clients.client: is an unsalted hash of a personal identity code" in str(caught.value)
    assert len(checked(lambda code: hmac.digest(b"secret", code.encode(), "sha256").hex())) == 1
