"""Every shape of export that there is, told by its content; damaged ones, told by name and place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from etl.history import files
from etl.history.files import read
from etl.history.heard import Heard
from infra.errors import SettingsError
from tests.data.histories import (
    LENGTH_MS,
    as_lines,
    as_list,
    at,
    listen,
    packed,
    played,
    podcast,
    scrobbles,
    scrobbles_with_header,
    streamed,
)


def saved(folder: Path, text: str, name: str = "export.dat") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def heard_in(*paths: Path) -> list[Heard]:
    return [heard for export in read(paths) for heard in export.heard]


def told(heard: Heard) -> tuple[str, str, str, str]:
    return heard.origin, *heard.recording


ROWS = [("Artist", "Album", "One", 0.0), ("Björk", "", 'Say "Yes", please', 4.0)]


@pytest.mark.parametrize(
    ("text", "origin", "album"),
    [
        (as_list([streamed("One", end=3)]), "spotify", "Album"),
        (as_list([played("One", end=3)]), "spotify", ""),
        (as_lines([listen("One", begin=0)]), "listenbrainz", "Album"),
        (as_list([listen("One", begin=0)]), "listenbrainz", "Album"),
        (scrobbles(ROWS), "lastfm", "Album"),
        (scrobbles_with_header(ROWS), "lastfm", "Album"),
        ("Artist;Track;Album;Date\nArtist;One;Album;2024-05-01 20:00\n", "lastfm", "Album"),
        ("Date\tSong\tArtist\n01 May 2024 20:00\tOne\tArtist\n", "lastfm", ""),
        ("\ufeffartist,track,uts\r\nArtist,One,1714593600000\r\n", "lastfm", ""),
    ],
    ids=["extended", "account", "lines", "list", "bare", "header", "semicolons", "tabs", "mark-and-milliseconds"],
)
def test_the_format_is_told_by_the_content(tmp_path: Path, text: str, origin: str, album: str):
    first = heard_in(saved(tmp_path, text))[0]
    assert told(first) == (origin, "Artist", "One", album)
    assert first.began_ms == int(at(0).timestamp() * 1000)


def test_quotes_commas_and_accents_survive_a_table(tmp_path: Path):
    assert [told(h)[1:3] for h in heard_in(saved(tmp_path, scrobbles(ROWS)))] == [
        ("Artist", "One"),
        ("Björk", 'Say "Yes", please'),
    ]


def test_signs_that_look_like_the_end_of_a_line_are_none(tmp_path: Path):
    odd = "One\u2028and\x85more"
    lines = as_lines([listen("x", begin=0)]).replace('"x"', f'"{odd}"')
    for number, text in enumerate((lines, scrobbles([("Artist", "", odd, 0.0)]).replace('"', ""))):
        assert [h.recording.title for h in heard_in(saved(tmp_path, text, str(number)))] == [odd]


def test_exporters_that_tell_the_second_and_those_that_tell_the_minute_agree(tmp_path: Path):
    row = ("Artist", "Album", "One", 0.7)
    paths = saved(tmp_path, scrobbles([row]), "a"), saved(tmp_path, scrobbles_with_header([row]), "b")
    assert len({h.identity for h in heard_in(*paths)}) == 1


@pytest.mark.parametrize(
    ("reason", "skipped", "ending"),
    [
        ("trackdone", False, "finished"),
        ("trackdone", None, "finished"),
        ("fwdbtn", None, "skipped"),
        ("endplay", True, "skipped"),
        ("endplay", False, "unknown"),
        ("logout", None, "left"),
        ("backbtn", False, "left"),
        (None, None, "unknown"),
    ],
)
def test_how_a_stream_ended(tmp_path: Path, reason: str | None, skipped: bool | None, ending: str):
    entry = streamed("One", end=3, ms=LENGTH_MS, reason_end=reason, skipped=skipped)
    [heard] = heard_in(saved(tmp_path, as_list([entry])))
    assert (heard.ending, heard.ended_ms) == (ending, heard.began_ms + LENGTH_MS)
    assert heard.length_ms == (LENGTH_MS if ending == "finished" else 0)


def test_a_private_session_stays_private(tmp_path: Path):
    entries = [streamed("One", end=3, incognito_mode=True), streamed("One", end=9, incognito_mode=None)]
    assert [h.private for h in heard_in(saved(tmp_path, as_list(entries)))] == [True, False]


def test_podcasts_errors_and_what_has_no_time_are_passed_over(tmp_path: Path):
    streams = [streamed(None, None, end=3), streamed("One", end=5, reason_end="trackerror"), streamed("One", end=9)]
    # What plays while the export is made has no date; what Last.fm has no date for was heard in 1970.
    table = scrobbles(ROWS) + '"Artist","Album","Now",""\n"Artist","Album","Once","01 Jan 1970 00:00"\n'
    paths = [
        saved(tmp_path, as_list(streams), "a"),
        saved(tmp_path, as_list([podcast(3)]), "b"),
        saved(tmp_path, table, "c"),
    ]
    assert [(len(e.heard), e.passed_over) for e in read(paths)] == [(1, 2), (0, 1), (2, 2)]


def test_songs_of_one_minute_keep_their_order(tmp_path: Path):
    titles = ["c", "a", "b"]
    heard = heard_in(saved(tmp_path, as_list(played(t, end=3, ms=5_000) for t in titles)))
    assert [h.recording.title for h in sorted(heard, key=lambda h: h.ended_ms or 0)] == titles


def test_both_exports_of_spotify_tell_of_the_same_listening_alike(tmp_path: Path):
    precise = streamed("One", "The Album's Artist", end=3.5, ms=170_123)
    rough = played("One", "A Guest", end=3, ms=170_123)
    identities = {
        h.identity for h in heard_in(saved(tmp_path, as_list([precise]), "a"), saved(tmp_path, as_list([rough]), "b"))
    }
    assert len(identities) == 1


def test_a_zip_is_read_as_it_came(tmp_path: Path):
    zipped = packed(
        tmp_path / "my_spotify_data.zip",
        {
            "Spotify Account Data/Read_Me_First.pdf": b"%PDF-1.7",
            "Spotify Account Data/Userdata.json": '{"username": "somebody"}',
            "Spotify Account Data/StreamingHistory_music_0.json": as_list([played("One", end=3)]),
            "Spotify Account Data/StreamingHistory_music_1.json": as_list([played("Two", end=9)]),
            "Spotify Account Data/StreamingHistory_podcast_0.json": "[]",
            "Spotify Account Data/Broken.json": b"\xff\xfe\x00",
        },
    )
    assert [h.recording.title for h in heard_in(zipped)] == ["One", "Two"]


def test_a_zip_of_listenbrainz_and_a_folder_with_everything(tmp_path: Path):
    packed(
        tmp_path / "listenbrainz_somebody.zip",
        {
            "user.json": '{"user_id": 1}',
            "listens/2024/5.jsonl": as_lines([listen("One", begin=0)]),
            "feedback.jsonl": "",
        },
    )
    (tmp_path / "deep").mkdir()
    saved(tmp_path / "deep", scrobbles(ROWS), "scrobbles.csv")
    saved(tmp_path, "not ours", "letter.txt")
    assert sorted(h.origin for h in heard_in(tmp_path)) == ["lastfm", "lastfm", "listenbrainz"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (as_list([streamed("One", end=3)])[:-30], "line 2"),
        (as_list([streamed("One", end=3), streamed("Two", end=6, ms=-1)]), "entry 2: ms_played"),
        (as_list([streamed("One", end=3, ts="yesterday")]), "entry 1: ts"),
        (as_list([played("One", end=3) | {"endTime": "1066-10-14 09:00"}]), "entry 1: 1066-10-14"),
        (as_lines([listen("One", begin=0)]) + '{"listened_at": 171', "line 2"),
        (as_lines([listen("One", begin=0), {"listened_at": "soon", "track_metadata": {}}]), "line 2: listened_at"),
        (scrobbles(ROWS) + '"Artist","Album"\n', "line 3: 2 columns"),
        (scrobbles(ROWS) + '"Artist","Album","One","the other day"\n', "line 3: time 'the other day'"),
        (scrobbles(ROWS) + '"Artist","Al"bum"\n', "line 3"),
        ("[" * 100_000 + '"ts" "ms_played"', "export.dat"),
    ],
    ids=["cut", "negative", "time", "year", "cut-line", "type", "columns", "date", "quotes", "nested"],
)
def test_damage_is_told_with_file_and_place_and_what_to_do(tmp_path: Path, text: str, place: str):
    with pytest.raises(SettingsError) as told_of:
        heard_in(saved(tmp_path, text))
    message = str(told_of.value)
    assert "export.dat" in message
    assert place in message


def test_letters_that_are_none_are_told_with_their_line(tmp_path: Path):
    path = tmp_path / "scrobbles.csv"
    path.write_bytes(scrobbles(ROWS).encode() + b'"Art\xffist","Album","One","01 May 2024 20:00"\n')
    with pytest.raises(SettingsError, match=r"scrobbles\.csv, line 3: not UTF-8"):
        heard_in(path)


@pytest.mark.parametrize("text", ["", "Dear listener,\nhow are you?", "{}", '[{"a": 1}]', "<html></html>", "\x00\x01"])
def test_what_is_no_history_is_refused_with_what_would_be_one(tmp_path: Path, text: str):
    with pytest.raises(SettingsError, match=r"export\.dat is not a listening history.*Spotify.*ListenBrainz"):
        heard_in(saved(tmp_path, text))


def test_a_folder_or_zip_without_any_history_is_told(tmp_path: Path):
    empty = packed(tmp_path / "photos.zip", {"Userdata.json": "{}"})
    for path in (empty, tmp_path):
        with pytest.raises(SettingsError, match="no listening history in"):
            heard_in(path)


def test_a_zip_cut_short_is_told(tmp_path: Path):
    whole = packed(
        tmp_path / "whole.zip", {f"StreamingHistory{n}.json": as_list([played("One", end=3)]) for n in range(3)}
    )
    content = bytearray(whole.read_bytes())
    content[40:60] = bytes(20)
    whole.write_bytes(content)
    with pytest.raises(SettingsError, match=r"whole\.zip cannot be unpacked"):
        heard_in(whole)


def test_a_zip_with_damaged_content_is_told(tmp_path: Path):
    whole = packed(tmp_path / "whole.zip", {"StreamingHistory0.json": as_list([played("One", end=3)])})
    content = bytearray(whole.read_bytes())
    begin = 30 + len("StreamingHistory0.json")
    content[begin : begin + 20] = b"\xff" * 20
    whole.write_bytes(content)
    with pytest.raises(SettingsError, match=r"whole\.zip cannot be unpacked"):
        heard_in(whole)


def test_a_zip_is_unpacked_to_so_many_bytes_and_what_is_no_history_only_to_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    history = as_list([played("One", end=3)])
    other = {"Userdata.json": json.dumps({"name": "x" * 2 * len(history)})}
    monkeypatch.setattr(files, "LARGEST", len(history))
    monkeypatch.setattr(files, "LARGEST_ZIP", 2 * len(history))
    many = {f"StreamingHistory{n}.json": history for n in range(3)}
    assert len(heard_in(packed(tmp_path / "two.zip", dict(list(many.items())[1:]) | other))) == 2
    with pytest.raises(SettingsError, match=r"three\.zip, StreamingHistory2\.json.*no service exports so much"):
        heard_in(packed(tmp_path / "three.zip", many))
    monkeypatch.setattr(files, "LARGEST", len(history) - 1)
    with pytest.raises(SettingsError, match=r"one\.zip.*no service exports so much"):
        heard_in(packed(tmp_path / "one.zip", dict(list(many.items())[:1])))


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"gone\.json cannot be read"):
        heard_in(tmp_path / "gone.json")


def test_fields_that_are_nobodys_business_go_no_further(tmp_path: Path):
    [heard] = heard_in(
        saved(tmp_path, as_list([streamed("One", end=3, username="somebody", user_agent_decrypted="x")]))
    )
    shown = json.dumps(heard)
    assert not any(secret in shown for secret in ("203.0.113.7", "ZZ", "gramophone", "somebody"))
