import json


def test_a_text_is_explained_line_by_line(command):
    outcome = command("explain", "Привет, it is 5 o'clock; " * 3, "--profile", "smsc-centre")
    assert (outcome.code, outcome.err) == (0, "")
    names = [line[:15].strip() for line in outcome.out.splitlines()]
    assert names == ["coding", "why", "forced by", "units", "segments", "Latin letters"]
    lines = dict(zip(names, [line[15:] for line in outcome.out.splitlines()], strict=True))
    assert lines["coding"] == "ucs2 (data_coding 0x08)"
    assert lines["forced by"].startswith("'П' at 0 'р' at 1")
    assert lines["forced by"].endswith(" and 8 more")
    assert lines["units"] == "75 UTF-16 units, 67 a segment, 59 left"
    assert lines["segments"] == "2"
    assert lines["Latin letters"].startswith("1 segment, 1 fewer: Privet, it is")


def test_json_has_the_same_and_all_of_it(command):
    outcome = command("explain", "ж" * 100, "--json")
    found = json.loads(outcome.out)
    assert (found["coding"], found["segments"], found["left"], len(found["forced"])) == ("ucs2", 2, 34, 100)
    assert found["forced"][99] == {"at": 99, "character": "ж"}


def test_latin_letters_and_tables_may_be_asked_for(command):
    latin = command("explain", "ж" * 100, "--transliterate")
    assert "gsm7 (data_coding 0x00)" in latin.out
    turkish = command("explain", "ş" * 100, "--language", "turkish")
    assert "gsm7 (data_coding 0x00), turkish tables" in turkish.out
    assert command("explain", "ş" * 100).out.splitlines()[-1].endswith("1 segment, 1 fewer: turkish")


def test_the_profile_may_be_a_file(command, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\ndata_coding = { ucs2 = 8 }\nauto = ["ucs2"]\nconcatenation = "payload"\n')
    outcome = command("explain", "a" * 100, "--profile", str(path))
    assert "2, in 1 submit_sm" in outcome.out


def test_a_comment_is_not_billed(command):
    outcome = command("explain", "Hi", "--profile", "smsc-centre", "--comment", "c" * 200)
    assert "2, 1 billed: no subscriber gets the comment" in outcome.out


def test_what_cannot_be_sent_is_refused_with_the_way_out(command):
    outcome = command("explain", "ж", "--coding", "gsm7")
    assert (outcome.code, outcome.out) == (1, "")
    assert "'ж' at 0 not in the GSM 7-bit default alphabet; only characters" in outcome.err
    for option, value, allowed in (("--coding", "koi8", "gsm7, ascii"), ("--language", "klingon", "turkish, spanish")):
        outcome = command("explain", "a", option, value)
        assert outcome.code == 1
        assert allowed in outcome.err


def test_a_text_cannot_command_the_terminal(command):
    outcome = command("explain", "\x1b[2Jж\nsegments 1")
    assert "\x1b" not in outcome.out
    assert sum(line.startswith("segments") for line in outcome.out.splitlines()) == 1
