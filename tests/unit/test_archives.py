"""Archives are unpacked whole, wherever a call stops, and broken ones say so."""

import io
import random
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.archives import kinds, seven_header, tar_entries
from pipeline.archives import unpack as module
from pipeline.archives.names import shown
from pipeline.archives.unpack import Order, Part, unpack
from schemas.errors import BadInput
from tests.samples.archives import PACKERS, PDF, Pack, gzipped, take, tarred, zipped

every_kind = pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS.keys())


@every_kind
@pytest.mark.parametrize("at_once", [1, 500])
def test_what_was_packed_comes_out(tmp_path: Path, pack: Pack, at_once: int) -> None:
    members = {f"folder {n}/März {n}.pdf": PDF + bytes([n]) * n * 70_000 for n in range(6)}
    inner = {"x/inner.pdf": PDF + b"inner"}
    archive = pack({**members, "more.zip": zipped(inner), "more.tgz": gzipped(inner)})
    taken = take(tmp_path, archive, at_once=at_once)
    names = {member.number: member.name for member in taken.members}
    assert {names[number]: content for number, content in taken.contents.items()} == {
        **members,
        "more.zip/x/inner.pdf": inner["x/inner.pdf"],
        "more.tgz/x/inner.pdf": inner["x/inner.pdf"],
    }
    assert list(names) == [1, 2, 3, 4, 5, 6, 8, 10]
    assert taken.skipped == {"archive": 2}
    assert taken.last.refused is None


@every_kind
def test_another_process_goes_on_where_one_stopped(tmp_path: Path, pack: Pack) -> None:
    members = {f"{n}.pdf": PDF + b"%d" % n for n in range(5)}
    archive = pack({"in.zip": zipped(members), **members})
    whole = take(tmp_path, archive)

    def from_the_start(order: Order) -> Part:
        module._close()  # what a new process begins with
        return unpack(order)

    pieces = take(tmp_path, archive, at_once=1, run=from_the_start)
    assert [(m.number, m.name) for m in pieces.members] == [(m.number, m.name) for m in whole.members]
    assert (pieces.contents, pieces.skipped) == (whole.contents, whole.skipped)


@given(
    st.dictionaries(
        st.text(
            st.characters(exclude_characters="\0/\\", exclude_categories=["Cs"]), min_size=1, max_size=150
        ).map(lambda name: f"d/{name}"),
        st.binary(max_size=3000),
        max_size=8,
    ),
    st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
)
def test_tar_headers_are_read_as_the_library_writes_them(members: dict[str, bytes], written: int) -> None:
    stream = io.BytesIO(tarred(members, written))
    found = {
        entry.name: b"".join(entry.read()) for entry in tar_entries.entries(tar_entries.Forward(stream.read))
    }
    assert found == {shown(name): content for name, content in members.items()}


@given(
    st.binary(max_size=2000),
    st.sampled_from(
        [b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", seven_header.MAGIC, b""]
    ),
)
def test_arbitrary_bytes_are_refused_and_nothing_worse(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, magic: bytes
) -> None:
    folder = tmp_path_factory.mktemp("junk")
    try:
        kinds.sniff(magic + junk)
    except BadInput:
        return
    assert take(folder, magic + junk).members == []


@every_kind
def test_one_flipped_byte_is_refused_or_harms_only_its_member(tmp_path: Path, pack: Pack) -> None:
    members = {f"{n}.pdf": PDF + bytes([n]) * 400 for n in range(3)}
    archive = pack(members)
    for at in range(0, len(archive), max(1, len(archive) // 60)):
        broken = bytearray(archive)
        broken[at] ^= 0x55
        try:
            kinds.sniff(bytes(broken))
        except BadInput:
            continue
        taken = take(tmp_path, bytes(broken))
        assert len(taken.contents) + bool(taken.last.refused) + len(taken.members) > 0


@every_kind
def test_a_truncated_archive_says_so(tmp_path: Path, pack: Pack) -> None:
    noise = random.Random(1).randbytes(200_000)
    archive = pack({"a.pdf": PDF + noise, "b.pdf": PDF + noise})
    taken = take(tmp_path, archive[: len(archive) * 3 // 4])
    assert taken.last.refused is not None
    assert taken.last.refused.code == "archive_corrupt"
    assert len(taken.contents) <= 1


def test_a_size_that_no_database_counts_harms_only_its_member(tmp_path: Path) -> None:
    archive = bytearray(tarred({"good.pdf": PDF, "huge.pdf": PDF}))
    at = archive.index(b"huge.pdf")
    archive[at + 124 : at + 136] = b"\x80" + (2**80).to_bytes(11, "big")
    archive[at + 148 : at + 156] = b" " * 8
    archive[at + 148 : at + 156] = b"%06o\0 " % sum(archive[at : at + 512])
    taken = take(tmp_path, bytes(archive))
    assert list(taken.contents.values()) == [PDF]
    [huge] = [member for member in taken.members if member.name == "huge.pdf"]
    assert huge.size == 2**63 - 1
