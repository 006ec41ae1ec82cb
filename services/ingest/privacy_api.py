"""/v1/privacy/requests: for a shop that must answer a person who asks what is held, or to be forgotten."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import to_jsonable_python
from starlette.requests import ClientDisconnect

from services.ingest import privacy_schemas
from services.ingest.domain.errors import OverloadedError, UnavailableError, UnstorableError
from services.ingest.domain.people import EMAIL, PHONE, Identifier, normal_email, normal_phone
from services.ingest.domain.reading import NO_CONTROLS
from services.ingest.ports import Known, PrivacyRow
from services.ingest.privacy import ELSEWHERE, Privacy
from services.ingest.privacy_schemas import HandedOver, Proof, Proofs
from services.ingest.problems import problem, unauthorized

PROVIDER = "api"
MAX_BODY = 16_384  # bytes; a request is a handful of identifiers
_Short = Annotated[str, Field(min_length=1, max_length=128, pattern=NO_CONTROLS)]


class Asked(BaseModel):
    """A person by our id, or by any identifier. A reference of the shop's own must not name the person."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["data_request", "redact_customer", "redact_shop"]
    reference: _Short | None = Field(None, description="The shop's own; the same again is the same request")
    provider: Annotated[str, Field(pattern="^[a-z0-9_]{1,32}$")] = Field(
        PROVIDER, description="With the reference of a request that a provider sent, to answer that one"
    )
    customer: _Short | None = Field(None, description="c_...")
    email: _Short | None = None
    phone: _Short | None = Field(None, description="With its country code, +...")
    ids: dict[_Short, _Short] = Field({}, description='Such as {"shopify.customer": "7001"}')
    confirm: str | None = Field(None, description="redact_shop only: the tenant's name, so that nobody slips")

    def identifiers(self) -> list[Identifier]:
        """Normalised as those that are stored."""
        email, phone = normal_email(self.email), normal_phone(self.phone, "US")
        found = [Identifier(kind, value) for kind, value in self.ids.items()]
        return found + [Identifier(kind, value) for kind, value in ((EMAIL, email), (PHONE, phone)) if value]


class _RefusedError(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def privacy_router(privacy: Privacy, tokens: Mapping[str, SecretStr], retry_after_s: int) -> APIRouter:
    """Each token acts for its own tenant only."""
    router = APIRouter(prefix="/v1/privacy", tags=["privacy"])
    desk = _Desk(privacy, tokens)

    async def guarded(request: Request, act: Any) -> Response:
        try:
            answer = await act(request)
        except _RefusedError as error:
            return unauthorized(str(error)) if error.status == 401 else problem(error.status, str(error))
        except UnstorableError as error:
            return problem(400, error.detail)
        except (UnavailableError, OverloadedError) as error:
            return problem(503, str(error), retry_after_s)
        except ClientDisconnect:
            return problem(400, "the sender went away before the body was complete")
        answer.headers["Cache-Control"] = "no-store"
        return answer  # type: ignore[no-any-return]

    @router.post(
        "/requests",
        summary="Hand over or erase",
        operation_id="ask_privacy",
        response_model=HandedOver | Proof,
        responses=privacy_schemas.ASK_ANSWERS,
        openapi_extra=privacy_schemas.asked_for(Asked.model_json_schema()),
    )
    async def ask(request: Request) -> Response:
        return await guarded(request, desk.ask)

    @router.get(
        "/requests",
        summary="What was asked and what was done: the proof",
        operation_id="privacy_requests",
        response_model=Proofs,
        responses=privacy_schemas.LIST_ANSWERS,
        openapi_extra=privacy_schemas.SECURITY,
    )
    async def requests(request: Request) -> Response:
        return await guarded(request, desk.requests)

    return router


class _Desk:
    def __init__(self, privacy: Privacy, tokens: Mapping[str, SecretStr]) -> None:
        self._privacy = privacy
        self._tokens = tokens

    async def requests(self, request: Request) -> Response:
        rows = await self._privacy.requests(self._tenant(request))
        return JSONResponse({"requests": [_row(row) for row in rows]})

    async def ask(self, request: Request) -> Response:
        tenant = self._tenant(request)
        asked = await _read(request)
        reference = asked.reference or f"r_{secrets.token_hex(10)}"
        row = PrivacyRow(tenant, asked.provider, asked.kind, reference, None, self._privacy.now())
        if asked.kind == "redact_shop":
            return await self._shop(row, asked)
        known = await self._known(row, asked)
        row = replace(row, customer=known.customer if known else None)
        if asked.kind == "data_request":
            return await self._hand_over(row, known, asked)
        return await self._erase(row, known, asked)

    def _tenant(self, request: Request) -> str:
        """Whose token it is; all of them are compared, so that the time says nothing."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        matches = [
            tenant
            for tenant, token in self._tokens.items()
            if hmac.compare_digest(token.get_secret_value().encode(), given.strip().encode())
        ]
        if scheme.lower() != "bearer" or not matches:
            raise _RefusedError(401, "send a tenant's token as Authorization: Bearer")
        return matches[0]

    async def _known(self, row: PrivacyRow, asked: Asked) -> Known | None:
        customer = asked.customer
        identifiers = asked.identifiers()
        if customer is None and not identifiers:
            recorded = [one for one in await self._privacy.requests(row.tenant) if _same(one, row)]
            customer = recorded[0].customer if recorded else None
            if customer is None:
                raise _RefusedError(
                    400, "name the person: customer, email, phone or ids, in a form we can read"
                )
        found = await self._privacy.find(row.tenant, customer, identifiers)
        if len(found) > 1:
            names = ", ".join(one.customer for one in found)
            raise _RefusedError(409, f"several customers have this: name one of them as customer: {names}")
        return found[0] if found else None

    async def _hand_over(self, row: PrivacyRow, known: Known | None, asked: Asked) -> Response:
        held = await self._privacy.held(row.tenant, known, asked.identifiers())
        await self._privacy.answer(row, held)
        about = asdict(known) if known else {}
        kinds = [
            {"kind": kind, "value": value, "shared": shared}
            for kind, value, shared in about.get("identifiers", ())
        ]
        body = {
            "reference": row.reference,
            "tenant": row.tenant,
            "customer": row.customer,
            "asked_at": row.at,
            "identities": kinds,
            "merged_from": about.get("merged_from", ()),
            "profile": about.get("profile", {}),
            "privacy_requests": [_row(one) for one in held.requests],
            "spooled_events": held.spooled,
            "dead_letters": held.letters,
            "elsewhere": ELSEWHERE,
        }
        return JSONResponse(to_jsonable_python(body))

    async def _erase(self, row: PrivacyRow, known: Known | None, asked: Asked) -> Response:
        if known is not None:
            await self._privacy.publish_end(row, [known.customer])
        await self._privacy.redact_customer(row, asked.identifiers())
        return JSONResponse(_row(await self._privacy.record(row)))

    async def _shop(self, row: PrivacyRow, asked: Asked) -> Response:
        if asked.confirm != row.tenant:
            raise _RefusedError(400, "this erases every customer: name the tenant under confirm")
        return JSONResponse(_row(await self._privacy.record(replace(row, state="running"))), 202)


async def _read(request: Request) -> Asked:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise _RefusedError(413, f"a request may have {MAX_BODY} bytes")
    try:
        return Asked.model_validate_json(bytes(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise _RefusedError(400, f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['type']}") from None


def _same(one: PrivacyRow, other: PrivacyRow) -> bool:
    return (one.provider, one.kind, one.reference) == (other.provider, other.kind, other.reference)


def _row(row: PrivacyRow) -> dict[str, Any]:
    """The proof, as it may be shown to anybody."""
    return to_jsonable_python(asdict(row))  # type: ignore[no-any-return]
