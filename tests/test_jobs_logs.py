"""Logs: what a terminal would show, in pieces, without the marker lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridges.jobs.logs import LineSplitter, collapse, live_line, read_chunk, split_marker

TEXT = st.text(alphabet="ab \r\né世", max_size=60)


def on_a_terminal(text: str) -> str:
    """The plain model: a carriage return drops the current line as soon as text follows it."""
    lines, current, returned = [], "", False
    for character in text:
        if character == "\n":
            lines.append(current)
            current, returned = "", False
        elif character == "\r":
            returned = True
        else:
            current, returned = ("" if returned else current) + character, False
    return "\n".join([*lines, current])


@given(TEXT)
def test_collapse_shows_what_a_terminal_shows(text):
    assert collapse(text) == on_a_terminal(text)


@given(TEXT, st.integers(1, 40))
def test_pieces_by_offset_add_up_to_the_whole(tmp_path_factory, text, limit):
    path = tmp_path_factory.mktemp("log") / "log.txt"
    path.write_bytes(text.encode())
    offset, shown = 0, ""
    while True:
        chunk = read_chunk(path, offset, ended=True, limit=limit + 64)
        if chunk.offset == offset:
            break
        shown, offset = shown + chunk.text, chunk.offset
    if len(text.encode()) < limit + 64:
        assert shown == collapse(text)
    assert offset == len(text.encode())


def test_an_unfinished_line_waits_for_its_end(tmp_path):
    log = tmp_path / "log.txt"
    log.write_bytes(b"one\ntw")
    assert read_chunk(log, 0, ended=False) == ("one\n", 4)
    assert read_chunk(log, 4, ended=False) == ("", 4)
    assert read_chunk(log, 4, ended=True) == ("tw", 6)


def test_a_long_bar_moves_the_offset_on_and_shows_only_its_last_state(tmp_path):
    log = tmp_path / "log.txt"
    log.write_bytes(b"".join(b"\r%5d/90000" % n for n in range(90_000)))
    offset = 0
    for _ in range(10):
        chunk = read_chunk(log, offset, ended=False)
        assert chunk.text == ""
        offset = chunk.offset
    assert log.stat().st_size - offset < 256_000
    assert live_line(log) == "89999/90000"


@given(st.lists(st.sampled_from([b"text\n", b'@progress {"step": 1}\n', b"\r 10%", b"@notes\n", b"\n"])), st.data())
def test_markers_are_taken_out_however_the_stream_is_cut(lines, data):
    stream = b"".join(lines)
    splitter, kept, markers = LineSplitter(), b"", []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        text, found = splitter.feed(stream[:cut])
        kept, stream = kept + text, stream[cut:]
        markers += found
    kept += splitter.flush(at_end=True)
    marker = b'@progress {"step": 1}\n'
    whole = b"".join(lines)
    assert len(markers) == whole.count(marker)
    assert kept == whole.replace(marker, b"")


def test_a_malformed_marker_is_just_text():
    for line in (b"@progress nonsense\n", b"@progress [1]\n", b"@progress {1}\n", b"mail me@progress.org\n"):
        assert split_marker(line) == (line, None)
    assert split_marker(b'@stages ["a"]\r\n') == (b"", ("stages", ["a"]))
    assert split_marker(b' 10%|@progress {"step": 1}\n') == (b" 10%|", ("progress", {"step": 1}))
