"""`smpp-esme send`: one message of any kind, from the command line to the handset."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from smpp_esme.cli.options import ProfileName, SystemType, Url
from smpp_esme.cli.terminal import plain

if TYPE_CHECKING:
    from smpp_esme.client import Submission
    from smpp_esme.client.outgoing import Parameters
    from smpp_esme.sms.content import Content


_To = Annotated[str, typer.Argument(help="Whom it is for, such as '+7 999 123-45-67'.")]
_Text = Annotated[
    str | None,
    typer.Argument(
        help="What to deliver: the text; for tgm the code, for binary-hex the digits, for hlr and ping nothing.",
        show_default=False,
    ),
]
_Source = Annotated[str, typer.Option(help="Who sends it: a name, a short code or a number.")]
_Comment = Annotated[
    str | None, typer.Option(help="A note for your own records at the provider; no subscriber sees it.")
]
_Kind = Annotated[
    str,
    typer.Option(
        help="Which kind of message: sms, mail, call, viber, soc, tgm, bot, hlr, ping, binary, binary-hex, wap-push."
    ),
]
_Field = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Another field of that kind, as in subject=News for mail or url=https://example.com/ for wap-push; "
        "may be repeated.",
        show_default=False,
    ),
]
_Flash = Annotated[bool, typer.Option("--flash", help="Show it at once and do not keep it.")]
_Transliterate = Annotated[
    bool | None,
    typer.Option(
        "--transliterate/--no-transliterate",
        help="Write what would go as UCS2 in Latin letters, if all of it can. Left out, as the profile says.",
        show_default=False,
    ),
]
_Coding = Annotated[
    str | None,
    typer.Option(help="gsm7, ascii, latin1 or ucs2. Left out, the cheapest that carries the text.", show_default=False),
]
_Languages = Annotated[
    list[str] | None,
    typer.Option(
        "--language",
        help="Write it in this language's national tables where that saves a segment; may be repeated. Left out, as "
        "the profile says.",
        show_default=False,
    ),
]
_Wait = Annotated[float | None, typer.Option(min=0.1, metavar="SECONDS", help="Wait so long for the delivery receipt.")]


def send(
    to: _To,
    url: Url,
    text: _Text = None,
    profile: ProfileName = "standard",
    system_type: SystemType = "",
    source: _Source = "",
    comment: _Comment = None,
    kind: _Kind = "sms",
    field: _Field = None,
    coding: _Coding = None,
    flash: _Flash = False,
    transliterate: _Transliterate = None,
    languages: _Languages = None,
    wait: _Wait = None,
) -> None:
    """Submit a message, and print the SMSC's message_id for each of its segments.

    With --wait also print the receipt; the exit status is then 0 only if the message was delivered.
    """
    content = _content(kind, text, field or [])
    options: Parameters = {
        "source": source,
        "comment": comment,
        "coding": coding,
        "flash": flash,
        "transliterate": transliterate,
        "languages": languages,
    }
    raise typer.Exit(asyncio.run(_send(to, content, url, profile, system_type, options=options, wait=wait)))


def _content(kind: str, text: str | None, further: list[str]) -> Content:
    """The content of this kind whose first field is the text."""
    from smpp_esme.sms.content import KINDS, content_from

    fields = {"kind": kind}
    if text is not None:
        names = KINDS[kind].__struct_fields__ if kind in KINDS else ()
        fields[names[0] if names else "text"] = text
    for one in further:
        name, sign, value = one.partition("=")
        if not sign:
            raise typer.BadParameter(f"{plain(one)!r} is no NAME=VALUE", param_hint="--field")
        fields[name] = value
    return content_from(fields)


async def _send(
    to: str,
    content: Content,
    url: str,
    profile: str,
    system_type: str,
    *,
    options: Parameters,
    wait: float | None,
) -> int:
    import msgspec

    from smpp_esme.client import connect
    from smpp_esme.session.endpoint import parse_url

    endpoint = msgspec.structs.replace(parse_url(url), system_type=system_type)
    async with connect(endpoint, profile=profile) as esme:
        submission = await esme.submit(to, content, **options)
        for message_id in submission.message_ids:
            typer.echo(f"submitted {plain(message_id)}")
        return 0 if wait is None else await _wait(submission, wait)


async def _wait(submission: Submission, seconds: float) -> int:
    from smpp_esme.protocol.parameters import MessageState

    try:
        receipt = await submission.receipt(timeout=seconds)
    except TimeoutError:
        typer.echo(f"smpp-esme: no receipt within {seconds:g} s; the message stays submitted", err=True)
        return 1
    error = f" error {receipt.error}" if receipt.error_code else ""
    state = receipt.message_state or MessageState.UNKNOWN
    typer.echo(plain(f"{receipt.stat or state.name} {receipt.message_id}{error}"))
    return 0 if state is MessageState.DELIVERED else 1
