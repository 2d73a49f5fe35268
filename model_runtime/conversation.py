"""Asks servers on an event loop: chooses one, sends the turn, follows the stream to its end."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import httpx
import structlog

from model_runtime.chat import Finish, Reply, Turn
from model_runtime.chat_wire import Collected, Lines, Piece, Served, body, piece
from model_runtime.endpoints import Endpoint, Endpoints
from model_runtime.engine_url import Options
from model_runtime.families import TRAITS, Family, family_of
from model_runtime.loops import Loop, LoopWatch
from model_runtime.refusals import judge, message_of, no_logprobs, retry_after
from model_runtime.server_talk import ServerTalk
from model_runtime.token_check import TokenCheck, predicted
from schemas.errors import DocumentUnreadable, EngineUnavailable, QuireError, Unsupported

_log = structlog.get_logger(__name__)

_LEAST_REPLY = 16
_SLACK = 64
"""Tokens of the chat template that a prompt may cost beyond its bytes."""

_DISCOVERY_S = 10.0
_CLOSING_S = 2.0


class _Elsewhere(Exception):
    """This endpoint did not take the request; another one may."""

    def __init__(self, error: EngineUnavailable) -> None:
        self.error = error
        super().__init__(str(error))


class _NoLogprobs(Exception):
    """The server takes no ``logprobs``."""


@dataclass(slots=True)
class Conversation:
    """Everything here runs on one event loop."""

    endpoints: Endpoints
    options: Options
    key: str | None = field(default=None, repr=False)
    served: Served | None = None
    _talk: ServerTalk | None = None
    _discovering: "asyncio.Future[Served] | None" = None
    _check: TokenCheck = field(default_factory=TokenCheck)
    _logprobs: bool = True
    _counting: "set[asyncio.Future[None]]" = field(default_factory=set)

    @property
    def talk(self) -> ServerTalk:
        if self._talk is None:
            self._talk = ServerTalk(self.endpoints, self.options, self.key)
        return self._talk

    async def discover(self, limit_s: float = _DISCOVERY_S) -> Served:
        """Ask the endpoints in turn what they host, once for all who wait. Raises `EngineUnavailable`."""
        if self._discovering is None or self._discovering.done():
            self._discovering = asyncio.ensure_future(self.talk.discover(limit_s))
        self.served = await asyncio.shield(self._discovering)
        return self.served

    async def close(self) -> None:
        if self._counting:
            await asyncio.wait(self._counting, timeout=_CLOSING_S)
        if self._talk is not None:
            await self._talk.close()

    async def ask(self, turn: Turn) -> Reply:
        served = self.served or await self.discover()
        if turn.prefix and not served.vllm:
            raise Unsupported(
                "continuation_unsupported", "this engine cannot go on from the middle of a reply"
            )
        max_tokens = await self._room(turn, served)
        tried: list[Endpoint] = []
        refused: EngineUnavailable | None = None
        while True:
            await self.talk.probe_rested()
            try:
                endpoint = self.endpoints.pick(tried)
            except EngineUnavailable as none_left:
                raise refused or none_left from None
            try:
                with self.endpoints.using(endpoint):
                    return await self._once(endpoint, turn, served, max_tokens)
            except _Elsewhere as no:
                tried.append(endpoint)
                refused = no.error
            except _NoLogprobs:
                self._logprobs = False

    async def _room(self, turn: Turn, served: Served) -> int:
        """As many tokens as the reply may have without going over the context."""
        if not served.context:
            return turn.max_tokens
        visual = predicted(turn, self._factor(served)) + 2 * len(turn.images)
        text = self._check.text_tokens(turn)
        if text is None:
            text = len(turn.prompt.encode()) + len(turn.prefix.encode()) + _SLACK
            if served.context - visual - text < turn.max_tokens:
                text = await self._text_tokens(turn, served) or text
        room = served.context - visual - text
        if room < _LEAST_REPLY:
            raise DocumentUnreadable(
                "context_exceeded",
                f"page and prompt need {visual + text} of the engine's {served.context} tokens",
            )
        return min(turn.max_tokens, room)

    async def _text_tokens(self, turn: Turn, served: Served) -> int | None:
        """What the prompt costs without its images; None where the server does not tell."""
        known = self._check.text_tokens(turn)
        if known is None and served.vllm and (known := await self.talk.count(turn, served)) is not None:
            self._check.learn(turn, known)
        return known

    async def _counted(self, turn: Turn, served: Served) -> None:
        with contextlib.suppress(QuireError, httpx.HTTPError):
            await self._text_tokens(turn, served)

    def _factor(self, served: Served) -> int:
        return TRAITS[family_in(self.options, served)].factor

    async def _once(self, endpoint: Endpoint, turn: Turn, served: Served, max_tokens: int) -> Reply:
        sent = body(turn, served, max_tokens, logprobs=self._logprobs, seeds=self.options.seeds)
        # It ends by itself when the turn fails: tearing a connection that is being made leaks it.
        counting = asyncio.ensure_future(self._counted(turn, served))
        self._counting.add(counting)
        counting.add_done_callback(self._counting.discard)
        collected, loop = await self._stream(endpoint, sent, turn)
        await asyncio.shield(counting)
        self.endpoints.went_well(endpoint)
        return self._reply(turn, served, collected, loop)

    def _reply(self, turn: Turn, served: Served, collected: Collected, loop: Loop | None) -> Reply:
        if turn.markers:
            collected.without_end_mark()
        visual, warning = self._check.judge(turn, collected.prompt_tokens, self._factor(served))
        if warning is not None:
            _log.warning("visual_tokens_mismatch", detail=warning.detail)
        if loop is not None:
            _log.info("loop_cut_off", kind=str(loop.kind), tokens=len(collected.tokens))
        return Reply(
            text="".join(token.text for token in collected.tokens),
            finish=Finish.LOOP if loop is not None else collected.finish or Finish.STOP,
            tokens=tuple(collected.tokens),
            prompt_tokens=collected.prompt_tokens,
            completion_tokens=collected.completion_tokens or len(collected.tokens),
            visual_tokens=visual,
            reason=str(loop) if loop is not None else None,
            warnings=(warning,) if warning is not None else (),
        )

    async def _stream(self, endpoint: Endpoint, sent: bytes, turn: Turn) -> tuple[Collected, Loop | None]:
        """One request."""
        deadline = asyncio.get_running_loop().time() + self.options.total_s
        response = await self._posted(endpoint, sent)
        try:
            if response.status_code != httpx.codes.OK:
                await self._refused(endpoint, response)
            return await self._follow(response, turn, deadline)
        except (httpx.HTTPError, _CutShort):
            raise self._broken(endpoint) from None
        except EngineUnavailable as error:
            if error.code in ("engine_unavailable", "engine_lost"):
                self.endpoints.failed(endpoint)
            raise
        finally:
            await response.aclose()

    async def _posted(self, endpoint: Endpoint, sent: bytes) -> httpx.Response:
        """A connection that the server had closed while it idled costs one more try."""
        for again in (True, False):
            try:
                async with asyncio.timeout(self.options.first_token_s):
                    return await self.talk.post(endpoint, sent)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                self.endpoints.failed(endpoint)
                self.served = None  # it may come back as another one
                if not again:  # it took the request, broke off, and was gone when asked once more
                    raise _lost() from None
                raise _Elsewhere(EngineUnavailable(detail="the engine does not answer")) from None
            except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
                if not again:
                    break
            except (TimeoutError, httpx.TimeoutException):
                raise _late("the first token") from None
        raise self._broken(endpoint)

    def _broken(self, endpoint: Endpoint) -> EngineUnavailable:
        self.endpoints.failed(endpoint)
        return _lost()

    async def _refused(self, endpoint: Endpoint, response: httpx.Response) -> None:
        status, message = response.status_code, message_of(await response.aread())
        _log.warning("engine_refused", status=status, message=message[:200])
        if self._logprobs and no_logprobs(status, message):
            raise _NoLogprobs
        error = judge(status, message, retry_after(response.headers))
        if error.code == "engine_overloaded" and isinstance(error, EngineUnavailable):
            self.endpoints.was_busy(endpoint, error.retry_after_s)
            raise _Elsewhere(error)
        if status >= 500:
            self.endpoints.failed(endpoint)
        if status == 404:
            self.served = None
        raise error

    async def _follow(
        self, response: httpx.Response, turn: Turn, deadline: float
    ) -> tuple[Collected, Loop | None]:
        clock = asyncio.get_running_loop().time
        collected, watch, lines = Collected(), LoopWatch(turn.patience), Lines()
        stream = response.aiter_bytes()
        limit_s = self.options.first_token_s
        while True:
            try:
                async with asyncio.timeout_at(min(deadline, clock() + limit_s)):
                    data = await anext(stream, None)
            except TimeoutError:
                raise _late("a token" if collected.tokens else "the first token") from None
            if data is None:
                return _ended(collected), None
            for line in lines.feed(data):
                if (new := _event(line)) is None:
                    continue
                if new.done:
                    return _ended(collected), None
                collected.add(new)
                limit_s = self.options.between_tokens_s if new.tokens else limit_s
                for token in new.tokens:
                    if loop := watch.feed(token.text):
                        return collected, loop


def _ended(collected: Collected) -> Collected:
    """The reply, if it has come to an end; a server that is shut down or paused breaks it off."""
    if collected.finish is None:
        raise _CutShort
    return collected


def family_in(options: Options, served: Served) -> Family:
    """As the URL says, else as the model's name or its folder tells."""
    if options.family is not None:
        return options.family
    found = (family_of(name) for name in (options.model or "", served.model, served.root))
    return next((family for family in found if family is not Family.OTHER), Family.OTHER)


class _CutShort(Exception):
    """The stream ended before the reply did."""


def _event(line: bytes) -> Piece | None:
    try:
        new = piece(line)
    except (ValueError, TypeError, AttributeError, IndexError, KeyError):
        raise EngineUnavailable(
            "engine_failed", "the engine sent a stream that cannot be understood"
        ) from None
    if new is not None and new.error is not None:
        _log.warning("engine_refused", status=new.status, message=new.error[:200])
        error = judge(new.status, new.error)
        raise _lost() if error.code == "engine_unavailable" else error
    return new


def _lost() -> EngineUnavailable:
    """It had taken the request: perhaps it went away because of it."""
    return EngineUnavailable("engine_lost", "the connection to the engine broke before the reply ended")


def _late(what: str) -> EngineUnavailable:
    return EngineUnavailable("engine_timeout", f"the engine took too long for {what}")
