"""The image that scripts/release makes: twice the same, and what is damaged is seen."""

import hashlib
import io
import pathlib
import subprocess
import sys
import tarfile

import pytest

IMAGE = pathlib.Path(__file__).resolve().parents[2] / "scripts/release.d/image"


def image(*words, epoch="1700000000"):
    return subprocess.run([sys.executable, IMAGE, *map(str, words)], env={"SOURCE_DATE_EPOCH": epoch}, capture_output=True,
                          text=True, check=False)


@pytest.fixture
def made(tmp_path):
    """A binary, roots of trust, and the image of them."""
    (tmp_path / "binary").write_bytes(bytes(range(256)) * 100)
    (tmp_path / "roots").write_text("roots of trust\n", encoding="ascii")
    out = tmp_path / "image.tar"
    assert image("make", tmp_path / "binary", "x86_64", tmp_path / "roots", out).returncode == 0
    return tmp_path


def test_the_same_input_makes_the_same_image(made):
    assert image("make", made / "binary", "x86_64", made / "roots", made / "again.tar").returncode == 0
    assert (made / "image.tar").read_bytes() == (made / "again.tar").read_bytes()
    assert image("make", made / "binary", "aarch64", made / "roots", made / "other.tar").returncode == 0
    assert (made / "image.tar").read_bytes() != (made / "other.tar").read_bytes()


def test_a_sound_image_is_known_by_its_digest(made):
    checked = image("check", made / "image.tar", made / "binary")
    assert checked.returncode == 0, checked.stderr
    with tarfile.open(made / "image.tar") as archive:
        blobs = {name: archive.extractfile(name).read() for name in archive.getnames() if name.startswith("blobs/sha256/")}
    for name, data in blobs.items():
        assert name.endswith(hashlib.sha256(data).hexdigest())
    assert f"blobs/sha256/{checked.stdout.split()[0].removeprefix('sha256:')}" in blobs


def test_another_binary_than_the_released_one_is_seen(made):
    (made / "binary").write_bytes(b"another")
    checked = image("check", made / "image.tar", made / "binary")
    assert checked.returncode == 1 and "the binary inside is not" in checked.stderr


@pytest.mark.parametrize("which", range(3))
def test_a_damaged_blob_is_seen(made, which):
    damaged, blobs = io.BytesIO(), 0
    with tarfile.open(made / "image.tar") as old, tarfile.open(fileobj=damaged, mode="w") as new:
        for entry in old:
            data = old.extractfile(entry).read() if entry.isfile() else b""
            if entry.name.startswith("blobs/sha256/"):
                if blobs == which:
                    data = data[:-1] + bytes([data[-1] ^ 1])
                blobs += 1
            new.addfile(entry, io.BytesIO(data))
    (made / "image.tar").write_bytes(damaged.getvalue())
    assert blobs == 3
    checked = image("check", made / "image.tar")
    assert checked.returncode == 1 and "is not what it says" in checked.stderr, checked
