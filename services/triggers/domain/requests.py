"""What an operator asks of a rule. A request reaches each partition as a record of its own."""

from typing import Annotated, Literal

import msgspec

Action = Literal["storm-release", "storm-drop"]


class Request(msgspec.Struct, frozen=True):
    """One partition's part of it, under one id. Taken in twice it does no more than once."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    action: Action
    rule: str


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Request).decode  # raises msgspec.DecodeError with what is wrong
