"""`smpp-esme explain`: what a text will become, before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from smpp_esme.cli.options import SystemType
from smpp_esme.cli.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smpp_esme.sms.explain import Explanation, Saving

#: So many of the characters that forced UCS2 are shown; --json has them all.
_SHOWN = 10


def explain(
    text: Annotated[str, typer.Argument(help="What is to be delivered.")],
    profile: Annotated[
        str, typer.Option(help="The SMSC it is for: smsc-centre, standard, or a profile's .toml file.")
    ] = "standard",
    system_type: SystemType = "",
    comment: Annotated[str | None, typer.Option(help="A note for your own records at the provider.")] = None,
    coding: Annotated[str | None, typer.Option(help="The coding to use: gsm7, ascii, latin1 or ucs2.")] = None,
    flash: Annotated[bool, typer.Option("--flash", help="As a text that is shown at once and not kept.")] = False,
    transliterate: Annotated[
        bool | None, typer.Option(help="Let it go in Latin letters, or not; by default as the profile says.")
    ] = None,
    languages: Annotated[
        list[str] | None,
        typer.Option("--language", help="Let it go in this language's national tables; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
) -> None:
    """Tell how a text will be coded and cut, and what it costs; nothing is sent."""
    import msgspec

    from smpp_esme.sms.coding import coding_named
    from smpp_esme.sms.explain import explain as explained
    from smpp_esme.sms.national import language_named
    from smpp_esme.sms.profile import Profile

    chosen = Profile.of(profile)
    tables = tuple(map(language_named, languages)) if languages else None
    found = explained(
        text,
        chosen.bound_with(system_type).writing(transliterate=transliterate, languages=tables),
        comment=comment,
        coding=coding_named(coding) if coding else None,
        flash=flash,
    )
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    for name, value in _lines(found):
        typer.echo(f"{name:<15}{value}")


def _lines(found: Explanation) -> Iterator[tuple[str, str]]:
    tables = f", {' and '.join(found.languages)} tables" if found.languages else ""
    yield "coding", f"{found.coding} (data_coding 0x{found.data_coding:02X}){tables}"
    yield "why", plain(found.why)
    if found.forced:
        shown = " ".join(f"{one.character!r} at {one.at}" for one in found.forced[:_SHOWN])
        more = len(found.forced) - _SHOWN
        yield "forced by", plain(shown) + (f" and {more} more" if more > 0 else "")
    yield "units", f"{found.units} {found.unit}, {found.room} a segment, {found.left} left"
    uncut = f", in {found.submits} submit_sm" if found.submits != found.segments else ""
    billed = f", {found.billed} billed: no subscriber gets the comment" if found.billed != found.segments else ""
    yield "segments", f"{found.segments}{uncut}{billed}"
    if found.transliteration:
        yield "Latin letters", f"{_cost(found.transliteration)}: {plain(found.transliteration.text)}"
    if found.national:
        yield "tables", f"{_cost(found.national)}: {' and '.join(dict.fromkeys(found.national.languages))}"


def _cost(saving: Saving) -> str:
    return f"{saving.segments} segment{'s' if saving.segments > 1 else ''}, {saving.saves} fewer"
