import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smpp_esme.errors import ConfigError
from smpp_esme.sms.pattern import GROUPS, LONGEST_PATTERN, compiled

CSV = r"(?P<stat>\d\d),(?P<done_date>\d{10}),(?P<submit_date>\d{10}),(?P<err>[^,]*)(?:,(?P<text>.*))?"


def test_a_pattern_gives_the_groups_that_it_names():
    match = compiled(CSV).fullmatch("00,2601311301,2601311259,6,1,2\n3")
    assert match.groupdict() == {
        "stat": "00",
        "done_date": "2601311301",
        "submit_date": "2601311259",
        "err": "6",
        "text": "1,2\n3",
    }
    assert compiled(CSV).fullmatch("00,2601311301,2601311259,")["text"] is None


@pytest.mark.parametrize("name", GROUPS)
def test_every_value_of_a_receipt_can_be_named(name):
    wanted = "" if name == "id" else "(?P<id>x)"
    assert compiled(rf"{wanted}(?P<{name}>[\]\-a-c]{{2,3}})").fullmatch(f"{'x' if wanted else ''}a-]")[name] == "a-]"


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (r"(?P<id>(a+)+)", r"has '\(' at 7"),
        (r"(?P<id>(?:a+)+)", "repeats a group at 13"),
        (r"(?P<id>a)*", "repeats a group at 9"),
        (r"(?P<id>a)??", "repeats a group at 10"),
        (r"(?P<id>a*a*)", "a repeated a, which may also take 'a'"),
        (r"(?P<id>.*)x", r"a repeated ., which may also take 'x'"),
        (r"(?P<id>\d{2,4}\d)", r"a repeated \\d, which may also take '0'"),
        (r"(?P<id>\w+)(?:,a)?(?P<stat>[a-z])", r"a repeated \\w, which may also take 'a'"),
        (r"(?P<id>a)(?:,b)?,", "an optional group, which may also take ','"),
        (r"(?P<id>a|b)", r"has '\|' at 8"),
        (r"(?P<id>a)(?=b)", r"has '\(' at 9"),
        (r"(?P<id>a)(?P=id)", r"has '\(' at 9"),
        (r"(?P<id>a)\1", r"has '\\\\' at 9"),
        (r"(?i)(?P<id>a)", r"has '\(' at 0"),
        (r"^(?P<id>a)$", r"has '\^' at 0"),
        (r"(?P<id>a*?)", "a second quantifier at 9"),
        (r"(?P<id>a*+)", "a second quantifier at 9"),
        (r"(?P<id>a{3,2})", r"has \{3,2\} at 8"),
        (r"(?P<id>a{1025})", r"has \{1025\} at 8"),
        (r"+(?P<id>a)", r"has \+ at 0"),
        (r"(?P<id>[z-a])", "a class at 7 that is none"),
        (r"(?P<id>[a--b])", "a doubled - & ~ or | in the class at 7"),
        (r"(?P<id>[[a])", r"has '\[' at 7"),
        (r"(?P<id>a", "a group that does not end"),
        (r"(?P<id>a))", r"has a \) at 9 that closes nothing"),
        (r"(?P<id>a)(?P<id>b)", "names id twice"),
        (r"(?P<id>a)(?P<colour>b)", "a group 'colour'"),
        (r"(?P<err>a)", "names neither id nor stat"),
        ("", "names neither id nor stat"),
        ("(?P<id>a)" + "b" * LONGEST_PATTERN, f"has {LONGEST_PATTERN + 9} characters"),
    ],
)
def test_what_could_run_long_or_means_nothing_is_refused(written, problem):
    with pytest.raises(ConfigError, match=problem) as caught:
        compiled(written)
    assert caught.value.field == "receipt_pattern"
    assert caught.value.allowed


@given(st.text("(?P<id>stat:)[^,]*+{1,3}\\dw.|-", max_size=40))
def test_any_characters_are_a_pattern_or_refused(written):
    try:
        compiled(written)
    except ConfigError:
        return
    assert re.compile(written)


CHARACTERS = st.sampled_from(["a", "b", ",", r"\d", r"\w", ".", "[^,]", "[ab]", r"\.", r"\x61"])
QUANTIFIERS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "{1,}"])
ITEMS = st.tuples(CHARACTERS, QUANTIFIERS).map("".join)
OPTIONAL = st.lists(ITEMS, min_size=1, max_size=2).map(lambda items: f"(?:{''.join(items)})?")


@given(st.lists(ITEMS | OPTIONAL, max_size=5).map("".join), st.text("ab,.1", max_size=12))
def test_a_pattern_that_is_accepted_means_what_it_means_in_python(written, text):
    whole = f"(?P<id>{written})"
    try:
        ours = compiled(whole)
    except ConfigError:
        return
    theirs = re.compile(whole, re.DOTALL)
    assert bool(ours.fullmatch(text)) == bool(theirs.fullmatch(text))


@given(st.lists(ITEMS | OPTIONAL, min_size=1, max_size=5).map("".join))
def test_no_repeat_of_an_accepted_pattern_gives_anything_back(written):
    try:
        pattern = compiled(f"(?P<id>{written})").pattern
    except ConfigError:
        return
    assert not re.search(r"\{(\d+),(?!\1\})\d+\}(?!\+)", pattern)
