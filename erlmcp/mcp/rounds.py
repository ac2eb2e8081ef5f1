"""How a request of 2026-07-28 asks its client: it is answered with the questions, and comes again with the answers.

The author's function starts anew in each round. What it has learnt so far travels with the client as `requestState`,
sealed and bound to who asks for what (basic/patterns/mrtr); nothing is kept here, so any worker serves any round.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from erlmcp.jsonrpc import INVALID_PARAMS, RpcError
from erlmcp.mcp.context import Context
from erlmcp.mcp.errors import shorten
from erlmcp.mcp.inputs import AnswerFault, Answers, Asked, InputRequest, encode_requests
from erlmcp.mcp.options import Options
from erlmcp.mcp.result import InputRequired
from erlmcp.mcp.seal import Sealer

__all__ = ["Rounds"]

PURPOSE: Final = "requestState"
OWN_PARAMS: Final = ("_meta", "inputResponses", "requestState")
"""Parameters that differ from round to round. All others are the request, and the state is bound to them."""

_AGAIN: Final = "call again without requestState"


class _Retry(msgspec.Struct, gc=False, rename="camel"):
    input_responses: dict[str, Raw] | UnsetType = UNSET
    request_state: str | UnsetType = UNSET


class _State(msgspec.Struct, array_like=True, gc=False):
    """What travels in `requestState`."""

    expires: float
    """Unix time, in seconds."""
    asked: dict[str, bytes]
    """By key, the digest of each question that was asked in the last round."""
    answers: dict[str, tuple[bytes, bytes]]
    """By key, the digest of each question that was answered before, and its answer as raw JSON."""
    app: bytes
    """The author's own state as a JSON object."""


_RETRY: Final = msgspec.json.Decoder(_Retry)
_PARAMS: Final = msgspec.json.Decoder(dict[str, Raw])
_STATE: Final = msgspec.msgpack.Decoder(_State)
_APP: Final = msgspec.json.Decoder(dict[str, Any])


class _Memory(msgspec.Struct):
    """What one round knows."""

    bound: bytes
    asked: Mapping[str, bytes] | None
    """None: this request carries no state, so whatever it answers counts."""
    answers: dict[str, tuple[bytes, bytes]]
    responses: Mapping[str, Raw]
    app: bytes = b"{}"


class Rounds:
    """Asks by ending the round. One for each method of an app."""

    def __init__(self, options: Options, sealer: Sealer, now: Callable[[], float]) -> None:
        """`now` is the Unix time in seconds, by a clock that all workers have."""
        self._options = options
        self._sealer = sealer
        self._now = now

    async def __call__(self, context: Context, requests: Mapping[str, InputRequest]) -> Answers:
        """The answers that came with this request. Raises Asked when one is missing, RpcError (-32602) for what is no
        answer or no state of ours, ValueError for more questions or a larger state than the options allow."""
        if len(requests) > self._options.max_inputs:
            raise ValueError(f"{len(requests)} questions at once; max_inputs allows {self._options.max_inputs}")
        memory = self._memory(context)
        missing = {key: each for key, each in requests.items() if not _answered(memory, key, each)}
        if missing:
            raise Asked(self._result(context, memory, missing))
        return {key: memory.answers[key][1] for key in requests}

    def recall(self, context: Context) -> dict[str, Any]:
        """What the author kept in the last round. Raises RpcError (-32602) for no state of ours."""
        return _APP.decode(self._memory(context).app)

    def answered(self, context: Context) -> Mapping[str, tuple[bytes, bytes]]:
        """By key, the digest of each question that was answered in the rounds so far, and its answer as raw JSON."""
        return self._memory(context).answers

    def _memory(self, context: Context) -> _Memory:
        interview = context.interview
        if interview.memory is None:
            interview.memory = self._read(context)
        memory: _Memory = interview.memory
        return memory

    def _read(self, context: Context) -> _Memory:
        facts = context.facts
        try:
            retry = _RETRY.decode(facts.params or b"{}")
        except msgspec.ValidationError as flaw:
            raise _invalid(shorten(str(flaw))) from None
        bound = msgspec.msgpack.encode((facts.principal, facts.method, _digest_of(facts.params)))
        responses: Mapping[str, Raw] = {} if retry.input_responses is UNSET else retry.input_responses
        if retry.request_state is UNSET:
            return _Memory(bound, None, {}, responses)
        state = self._open(retry.request_state, bound)
        return _Memory(bound, state.asked, state.answers, responses, state.app)

    def _open(self, token: str, bound: bytes) -> _State:
        payload = self._sealer.unseal(PURPOSE, token, bound)
        if payload is None:
            raise _invalid(f"requestState is not ours, or was made for another request: {_AGAIN}")
        try:
            state = _STATE.decode(payload)
        except msgspec.MsgspecError:  # sealed by another release, which put other things into it
            raise _invalid(f"requestState was made by another release: {_AGAIN}") from None
        if self._now() >= state.expires:
            raise _invalid(f"requestState has expired; it is good for {self._options.input_ttl:g} s: {_AGAIN}")
        return state

    def _result(self, context: Context, memory: _Memory, missing: Mapping[str, InputRequest]) -> InputRequired:
        """The members of a result that asks."""
        kept = context.interview.state
        app = memory.app if kept is None else msgspec.json.encode(kept)
        asked = {key: each.digest() for key, each in missing.items()}
        expires = self._now() + self._options.input_ttl
        token = self._seal(_State(expires, asked, memory.answers, app), memory.bound)
        requests = encode_requests((key, each.method, each.params) for key, each in missing.items())
        return InputRequired(b'"inputRequests":%b,"requestState":"%b"' % (requests, token.encode()))

    def _seal(self, state: _State, bound: bytes) -> str:
        """Raises for what is larger than the options allow: to the client, when its answers are."""
        limit = self._options.max_request_state
        answers = sum(len(raw) for _, raw in state.answers.values())
        if answers > limit:
            raise _invalid(f"the answers so far have {answers} bytes; max_request_state allows {limit}")
        payload = msgspec.msgpack.encode(state)
        if len(payload) > limit:
            raise ValueError(f"ctx.state and the answers have {len(payload)} bytes; max_request_state allows {limit}")
        return self._sealer.seal(PURPOSE, payload, bound)


def _answered(memory: _Memory, key: str, request: InputRequest) -> bool:
    """Whether a question has its answer; one that just came is read, and remembered.

    A question that changed since it was asked has none: what was answered is another one.
    """
    digest = request.digest()
    known = memory.answers.get(key)
    if known is not None and known[0] == digest:
        return True
    raw = memory.responses.get(key)
    if raw is None or (memory.asked is not None and memory.asked.get(key) != digest):
        return False
    try:
        request.read(bytes(raw))
    except AnswerFault as fault:
        raise _invalid(f"inputResponses.{shorten(key)}: {fault.message}") from None
    memory.answers[key] = digest, bytes(raw)
    return True


def _digest_of(params: bytes) -> bytes:
    """Of what a request asks for, however its JSON is written."""
    members = {key: raw for key, raw in _PARAMS.decode(params or b"{}").items() if key not in OWN_PARAMS}
    plain = msgspec.json.decode(msgspec.json.encode(members))
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).digest()


def _invalid(message: str) -> RpcError:
    return RpcError(INVALID_PARAMS, f"Invalid params: {message}")
