r"""The provider's text envelopes: typed values, and the exact text that each goes out as.

`__MAIL__: <message>\nsubj:<subject>` and its like are parsed by the provider, by rules it does not publish. So a value
is refused if its text could be read in two ways: where a message, a subject or a comment brings a separator of its
own, whether whole or pieced together with what stands beside it. What is accepted has exactly one reading, by the
first separator as by the last.

Each class checks itself when it is made, `text` gives what goes into the short message, and `parse` reads it back.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from smpp_esme.errors import InvalidValue
from smpp_esme.sms.kind import Kind

if TYPE_CHECKING:
    from smpp_esme.sms.profile import Profile

COMMENT: Final = "\n~~~\n"
VOICES: Final = ("m", "m2", "m3", "m4", "w", "w2", "w3", "w4")
_SUBJECT: Final = "\nsubj:"
_VOICE: Final = "\nvoice:"
_BOT: Final = "\nbot:@"
_CODE: Final = re.compile(r"[0-9]{4,8}")
_LANGUAGE: Final = re.compile(r"[a-z]{2}")
_BOT_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{4,31}")
_PARAM: Final = re.compile(r"([0-9]{1,2}),([0-9]{2,4}),([1-9])")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
_ONE_LINE: Final = "one line without control characters"


class Sms(Kind, frozen=True, tag="sms"):
    """A plain text message."""

    kind: ClassVar[str] = "sms"
    message: str

    def text(self) -> str:
        """The message itself."""
        return self.message


class _Message(Kind, frozen=True):
    prefix: ClassVar[str]
    message: str

    def __post_init__(self) -> None:
        if not self.message:
            raise InvalidValue("message", "is empty", "the text to deliver")
        _refuse(self.text(), self.separators(), "message")

    def text(self) -> str:
        """The short message's exact text."""
        return f"{self.prefix}{self.message}"

    def separators(self) -> dict[str, int | None]:
        """Each separator that has a meaning in the text, and the one place where it stands, if any."""
        return {COMMENT: None}


class Viber(_Message, frozen=True, tag="viber"):
    """A message to Viber; its button and file macros are passed on as they are."""

    kind: ClassVar[str] = "viber"
    prefix: ClassVar[str] = "__VIBER__: "


class Soc(_Message, frozen=True, tag="soc"):
    """A message to the social networks."""

    kind: ClassVar[str] = "soc"
    prefix: ClassVar[str] = "__SOC__: "


class Mail(_Message, frozen=True, tag="mail"):
    """An e-mail message."""

    kind: ClassVar[str] = "mail"
    prefix: ClassVar[str] = "__MAIL__: "
    subject: str

    def __post_init__(self) -> None:
        _check_line("subject", self.subject)
        super().__post_init__()

    def text(self) -> str:
        """The short message's exact text."""
        return f"{super().text()}{_SUBJECT}{self.subject}"

    def separators(self) -> dict[str, int | None]:
        """The subject's separator stands behind the message."""
        return {COMMENT: None, _SUBJECT: len(super().text())}


class Call(_Message, frozen=True, tag="call"):
    """A voice call that reads the message out.

    Attributes:
        message: what is read.
        voice: one of m, m2, m3, m4 (male), w, w2, w3, w4 (female).
        language: the language it is read in, two letters; None leaves it to the provider.
        param: seconds to wait, seconds between attempts, attempts: `22,20,5`.
    """

    kind: ClassVar[str] = "call"
    prefix: ClassVar[str] = "__CALL__: "
    voice: str = "m3"
    language: str | None = None
    param: str | None = None

    def __post_init__(self) -> None:
        if self.voice not in VOICES:
            raise InvalidValue("voice", "is not known", f"one of {', '.join(VOICES)}")
        if self.language is not None and not _LANGUAGE.fullmatch(self.language):
            raise InvalidValue("language", "is no language code", "two lower-case letters, as in en")
        if self.param is not None:
            _check_param(self.param)
        super().__post_init__()

    def text(self) -> str:
        """The short message's exact text."""
        language = "" if self.language is None else f",{self.language}"
        param = "" if self.param is None else f"{COMMENT}{self.param}"
        return f"{super().text()}{_VOICE}{self.voice}{language}{param}"

    def separators(self) -> dict[str, int | None]:
        """The voice's separator stands behind the message, the parameter's behind the voice."""
        return {COMMENT: None if self.param is None else self.text().rindex(COMMENT), _VOICE: len(super().text())}


class Bot(_Message, frozen=True, tag="bot"):
    """A message through the sender's own Telegram bot, whose name is given without its @."""

    kind: ClassVar[str] = "bot"
    prefix: ClassVar[str] = "__BOT__: "
    bot_name: str

    def __post_init__(self) -> None:
        if not _BOT_NAME.fullmatch(self.bot_name):
            raise InvalidValue(
                "bot_name", "is no bot's name", "5 to 32 letters, digits and underscores, a letter first, without @"
            )
        super().__post_init__()

    def text(self) -> str:
        """The short message's exact text."""
        return f"{super().text()}{_BOT}{self.bot_name}"

    def separators(self) -> dict[str, int | None]:
        """The bot's separator stands behind the message."""
        return {COMMENT: None, _BOT: len(super().text())}


class Telegram(Kind, frozen=True, tag="tgm"):
    """A confirmation code to Telegram: 4 to 8 digits and nothing else."""

    kind: ClassVar[str] = "tgm"
    prefix: ClassVar[str] = "__TGM__: "
    code: str

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise InvalidValue("code", "is no confirmation code", "4 to 8 digits and nothing else")

    def text(self) -> str:
        """The short message's exact text."""
        return f"{self.prefix}{self.code}"


class Hlr(Kind, frozen=True, tag="hlr"):
    """An HLR lookup: is the subscriber there, and in which network."""

    kind: ClassVar[str] = "hlr"

    def text(self) -> str:
        """The short message's exact text."""
        return "__HLR__"


class Ping(Kind, frozen=True, tag="ping"):
    """A ping: a short message that the handset confirms and does not show."""

    kind: ClassVar[str] = "ping"

    def text(self) -> str:
        """The short message's exact text."""
        return "__PING__"


TextContent = Sms | Mail | Call | Viber | Soc | Telegram | Bot | Hlr | Ping
_LOOKUPS: Final = {content.text(): content for content in (Hlr(), Ping())}
_RESERVED: Final = re.compile(r"__(MAIL|CALL|VIBER|SOC|TGM|BOT)__:|\s*__(HLR|PING)__\s*\Z")


def wire_text(content: TextContent, profile: Profile, *, comment: str | None = None) -> str:
    """The whole text that goes into the short message.

    Args:
        content: what to deliver.
        profile: the SMSC it is for.
        comment: a note for the sender's own records at the provider.

    Raises:
        InvalidValue: the text is empty, or the SMSC does not know envelopes or lookups, or would read it as something
            else.
    """
    text = content.text()
    if not text:
        raise InvalidValue("message", "is empty", "one character or more")
    if content.kind in {"hlr", "ping"} and not profile.lookups:
        raise InvalidValue("kind", f"{content.kind} is not offered by profile {profile.name}", "a profile with lookups")
    if not profile.envelopes:
        if content.kind not in {"sms", "hlr", "ping"}:
            problem = f"{content.kind} is not offered by profile {profile.name}"
            raise InvalidValue("kind", problem, "sms, or a profile with envelopes")
        if comment is not None:
            raise InvalidValue("comment", f"is not offered by profile {profile.name}", "a profile with envelopes")
        return text
    if isinstance(content, Sms):
        _check_plain(text)
    return text if comment is None else _commented(content, comment)


def with_comment(text: str, comment: str) -> str:
    """The text with a comment behind it, which reaches no subscriber and costs nothing.

    Raises:
        InvalidValue: text or comment bring the separator themselves.
    """
    whole = f"{text}{COMMENT}{comment}"
    _refuse(whole, {COMMENT: len(text)}, "comment")
    return whole


def split_comment(text: str) -> tuple[str, str | None]:
    """The text before the first comment separator, and the comment after it; None if there is no separator."""
    before, separator, comment = text.partition(COMMENT)
    return before, comment if separator else None


def parse(text: str) -> TextContent:
    """The content of a short message's text, as the provider reads it; a comment is left out.

    A text of no envelope is an `Sms`.

    Raises:
        InvalidValue: an envelope that lacks a part or breaks a rule.
    """
    body, tail = split_comment(text)
    if body in _LOOKUPS:
        return _LOOKUPS[body]
    for content in (Mail, Call, Viber, Soc, Telegram, Bot):
        if body.startswith(content.prefix):
            return _opened(content, body.removeprefix(content.prefix), tail)
    return Sms(body)


def _opened(content: type[TextContent], rest: str, tail: str | None) -> TextContent:
    if content is Mail:
        return Mail(*_parted(rest, _SUBJECT, "subject"))
    if content is Bot:
        return Bot(*_parted(rest, _BOT, "bot_name"))
    if content is Call:
        message, voice = _parted(rest, _VOICE, "voice")
        name, comma, language = voice.partition(",")
        return Call(message, name, language if comma else None, tail)
    return content(rest)  # type: ignore[call-arg]  # the others have one field


def _parted(rest: str, separator: str, field: str) -> tuple[str, str]:
    message, found, value = rest.rpartition(separator)
    if not found:
        raise InvalidValue(field, "is missing", f"a line {separator[1:]}<{field}> after the message")
    return message, value


def _commented(content: TextContent, comment: str) -> str:
    if isinstance(content, Call | Hlr | Ping):
        raise InvalidValue("comment", f"cannot go with {content.kind}", "no comment")
    whole = with_comment(content.text(), comment)
    if isinstance(content, _Message):
        _refuse(whole, content.separators() | {COMMENT: len(content.text())}, "comment")
    return whole


def _check_plain(text: str) -> None:
    if _RESERVED.match(text):
        raise InvalidValue("message", "would be taken for an envelope", "the kind that the envelope stands for")
    _refuse(text, {COMMENT: None}, "message")


def _check_line(field: str, value: str) -> None:
    if found := _CONTROL.search(value):
        raise InvalidValue(field, f"has {found[0]!r} at {found.start()}", _ONE_LINE)


def _check_param(param: str) -> None:
    match = _PARAM.fullmatch(param)
    if match is None or not 10 <= int(match[2]) <= 3600:
        allowed = "wait 0 to 99, interval 10 to 3600, attempts 1 to 9, as in 22,20,5"
        raise InvalidValue("param", "is not of its form", allowed)


def _refuse(text: str, separators: dict[str, int | None], field: str) -> None:
    """Refuse a text that has a separator anywhere but at its place, overlaps included."""
    for separator, place in separators.items():
        at = -1
        while (at := text.find(separator, at + 1)) >= 0:
            if at != place:
                problem = f"brings the separator {separator!r} of its own"
                raise InvalidValue(field, problem, f"a text without {separator!r}")
