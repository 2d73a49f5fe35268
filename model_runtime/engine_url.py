"""Reads QUIRE_ENGINE_URL for engines that are spoken to over HTTP: addresses and options."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model_runtime.families import Family
from schemas.errors import Unsupported

HTTP_SCHEMES = frozenset({"http", "https", "vllm+http", "vllm+https", "openai+http", "openai+https"})


class Options(BaseModel):
    """What in the query of an engine URL is for the client; `EngineUrl.more` holds the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = None
    """Unset: the first that ``/v1/models`` names."""

    family: Family | None = None
    """Unset: as the model's name tells."""

    max_in_flight: int = Field(default=32, ge=1, le=1024)
    """Requests at once, all endpoints together."""

    max_queued: int = Field(default=256, ge=1)
    """Requests waiting in a server, by its own figures, above which it gets no more."""

    seeds: bool = True
    """False: send none. The CPU build of vLLM 0.32 dies of a seeded request whose prompt it takes in pieces
    ("CPU Generator does not use offset")."""

    first_token_s: float = Field(default=300.0, gt=0)
    between_tokens_s: float = Field(default=60.0, gt=0)
    total_s: float = Field(default=1800.0, gt=0)
    connect_s: float = Field(default=5.0, gt=0)


@dataclass(frozen=True, slots=True)
class EngineUrl:
    """``name``: vllm or openai. ``bases`` end in ``/v1`` or whatever path was given.

    ``more``: options that are not the client's, to be understood or refused by whoever reads pages with it.
    """

    name: str
    bases: tuple[str, ...]
    options: Options
    more: dict[str, str] = field(default_factory=dict)


def parse(text: str) -> EngineUrl:
    """One URL, or several servers of one model with commas between; options count for all of them.

    ``vllm+http://gpu1:8000,vllm+http://gpu2:8000?max_in_flight=128`` and
    ``openai+https://api.example.com/v1?model=qwen2-vl-7b``. Plain ``http(s)`` means vLLM.
    """
    bases: list[str] = []
    names: set[str] = set()
    options: dict[str, str] = {}
    for part in (part.strip() for part in text.split(",")):
        url = urlsplit(part)
        if url.scheme not in HTTP_SCHEMES or not url.hostname:
            raise _refused(
                f"{url.scheme[:20] or 'one'} URL without a host" if url.scheme else "malformed URL"
            )
        if url.username or url.password:
            raise _refused("URL with a user or password; the key belongs into QUIRE_ENGINE_KEY")
        names.add("openai" if url.scheme.startswith("openai+") else "vllm")
        scheme = url.scheme.rsplit("+", 1)[-1]
        bases.append(urlunsplit((scheme, url.netloc, url.path.rstrip("/") or "/v1", "", "")))
        options |= dict(parse_qsl(url.query, keep_blank_values=True))
    if len(names) > 1:
        raise _refused("mixture of vllm+ and openai+ URLs; give servers of one kind")
    ours = {name: text for name, text in options.items() if name in Options.model_fields}
    more = {name: text for name, text in options.items() if name not in Options.model_fields}
    return EngineUrl(names.pop(), tuple(dict.fromkeys(bases)), _options(ours), more)


def _options(given: dict[str, str]) -> Options:
    try:
        return Options.model_validate(given)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors())
        raise _refused(f"URL whose options do not fit ({faults[:300]})") from None


def _refused(what: str) -> Unsupported:
    return Unsupported("unsupported_setting", f"QUIRE_ENGINE_URL is set to a {what}")
