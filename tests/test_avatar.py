"""The avatar loader: what a good folder gives, and that every kind of bad one is one sentence."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from avatars import UNITS, write_avatar
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from talking_gaussian.avatar import import_avatar, load_avatar, opened_avatar
from talking_gaussian.errors import UserError


def zipped(folder: Path, archive: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(archive, "w") as bundle:
        for path in folder.iterdir():
            bundle.write(path, prefix + path.name)
    return archive


def test_a_good_avatar_loads_with_unit_rotations(tmp_path: Path) -> None:
    avatar = load_avatar(write_avatar(tmp_path / "a"))
    assert avatar.units == tuple(UNITS)
    assert avatar.sh_degree == 1
    assert np.allclose(np.linalg.norm(avatar.quats, axis=1), 1, atol=1e-6)
    assert avatar.basis.dtype == np.float32


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"means": np.full((200, 3), np.nan, np.float32)}, "NaN"),
        ({"means": np.zeros((200, 2), np.float32)}, "shape"),
        ({"basis": np.zeros((3, 200, 3), np.float16)}, "shape"),
        ({"sh": np.zeros((200, 5, 3), np.float32)}, "sh"),
        ({"quats": np.zeros((200, 4), np.float32)}, "rotation"),
        ({"head": np.zeros((4, 4, 4), np.float32)}, "rigid"),
        ({"head_weight": np.full(200, 2, np.float32)}, "between 0 and 1"),
        ({"scales": np.full((200, 3), 90, np.float32)}, "beyond"),
        ({"format_version": 99}, "format_version"),
        ({"id": "../../etc"}, "id"),
        ({"name": "Tiny"}, "name"),
        ({"units": ["a", "a"]}, "units"),
        ({"fps": float("nan")}, "fps"),
        ({"size": 62}, "size"),
        ({"plate_loop": "once"}, "plate_loop"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, changes: dict, word: str) -> None:
    folder = write_avatar(tmp_path / "a", **changes)
    with pytest.raises(UserError, match=word):
        load_avatar(folder)


@pytest.mark.parametrize("file", ["avatar.json", "gaussians.safetensors", "plates.mp4"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    folder = write_avatar(tmp_path / "a")
    (folder / file).unlink()
    with pytest.raises(UserError, match=file):
        load_avatar(folder)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(max_size=200), file=st.sampled_from(["avatar.json", "gaussians.safetensors"]))
def test_junk_in_a_file_never_escapes_as_another_error(tmp_path: Path, junk: bytes, file: str) -> None:
    folder = write_avatar(tmp_path / "a", count=2, size=64, plates=1)
    (folder / file).write_bytes(junk)
    with pytest.raises(UserError):
        load_avatar(folder)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    facts=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["format_version", "id", "name", "fps", "units"]), inner, max_size=4)
        ),
        max_leaves=6,
    )
)
def test_any_json_is_refused_with_a_sentence(tmp_path: Path, facts: object) -> None:
    folder = write_avatar(tmp_path / "a", count=2, plates=1)
    (folder / "avatar.json").write_text(json.dumps(facts))
    with pytest.raises(UserError):
        load_avatar(folder)


@pytest.mark.parametrize("prefix", ["", "tiny/"])
def test_a_zip_is_installed_and_a_second_one_gets_its_own_folder(tmp_path: Path, prefix: str) -> None:
    archive = zipped(write_avatar(tmp_path / "a"), tmp_path / "a.zip", prefix)
    names = [import_avatar(archive, tmp_path / "avatars").name for _ in range(2)]
    assert names == ["tiny", "tiny-2"]
    assert load_avatar(tmp_path / "avatars" / "tiny-2").units == tuple(UNITS)


def test_a_zip_can_be_used_without_installing(tmp_path: Path) -> None:
    with opened_avatar(zipped(write_avatar(tmp_path / "a"), tmp_path / "a.zip")) as avatar:
        assert avatar.id == "tiny"


@pytest.mark.parametrize(
    "name", ["../avatar.json", "/etc/passwd", "a/b/avatar.json", "run.py", "..\\x", "../x/plates.mp4"]
)
def test_names_that_lead_outside_are_refused_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    archive = zipped(write_avatar(tmp_path / "a"), tmp_path / "bad.zip")
    with zipfile.ZipFile(archive, "a") as bundle:
        bundle.writestr(name, "{}")
    with pytest.raises(UserError):
        import_avatar(archive, tmp_path / "avatars")
    assert list((tmp_path / "avatars").iterdir()) == []


def test_a_symbolic_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    archive = zipped(write_avatar(tmp_path / "a"), tmp_path / "bad.zip")
    link = zipfile.ZipInfo("poster.jpg")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "a") as bundle:
        bundle.writestr(link, "/etc/passwd")
    with pytest.raises(UserError):
        import_avatar(archive, tmp_path / "avatars")


def test_a_bad_avatar_in_a_zip_leaves_nothing(tmp_path: Path) -> None:
    folder = write_avatar(tmp_path / "a", means=np.full((200, 3), np.nan, np.float32))
    with pytest.raises(UserError, match="NaN"):
        import_avatar(zipped(folder, tmp_path / "a.zip"), tmp_path / "avatars")
    assert list((tmp_path / "avatars").iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip at all", b"hello"])
def test_what_is_no_zip_is_said_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(UserError, match="zip"):
        import_avatar(tmp_path / "x.zip", tmp_path / "avatars")
