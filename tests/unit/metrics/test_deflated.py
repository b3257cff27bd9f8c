"""Parts that were compressed apart are one gzip file to every reader."""

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from vigie_server.metrics.deflated import HEAD, Checksum, deflated, end, inflated


@given(st.lists(st.binary(max_size=3_000), max_size=8))
def test_parts_after_one_another_are_one_member_of_gzip(texts: list[bytes]) -> None:
    parts = [deflated(text) for text in texts]
    whole = Checksum.of_all(checksum for _, checksum in parts)

    file = HEAD + b"".join(part for part, _ in parts) + end(whole)

    reading = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert reading.decompress(file) == b"".join(texts)
    assert (reading.eof, reading.unused_data) == (True, b"")
    assert gzip.decompress(file) == b"".join(texts)


@given(st.binary(max_size=3_000))
def test_a_part_can_be_read_alone(text: bytes) -> None:
    part, _ = deflated(text)

    assert inflated(part) == text


def test_checksums_join_over_more_bytes_than_a_number_of_32_bits_counts() -> None:
    block = Checksum(zlib.crc32(b"x" * 1024), 1024)

    whole = Checksum()
    for _ in range(3):
        whole += block
    doubled = block
    for _ in range(23):
        doubled += doubled

    assert whole.crc == zlib.crc32(b"x" * 3072)
    assert doubled.size == 2**33
    assert end(doubled)[-4:] == b"\0\0\0\0"
