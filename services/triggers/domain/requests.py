"""What an operator asks of a rule. A request reaches each partition as a record of its own."""

from typing import Annotated, Literal

import msgspec

Action = Literal["storm-release", "storm-drop", "release"]


class Request(msgspec.Struct, frozen=True):
    """One partition's part of it, under one id. Taken in twice it does no more than once."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    action: Action
    rule: str
    per_day: Annotated[int, msgspec.Meta(ge=0)] = 0  # of a release: this partition's share; 0 ends it


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Request).decode  # raises msgspec.DecodeError with what is wrong
