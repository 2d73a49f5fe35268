"""Engine URLs are read, and what cannot be honoured is refused by name."""

import pytest

from model_runtime.engine_url import parse
from model_runtime.families import Family
from schemas.errors import Unsupported


def test_addresses_and_options() -> None:
    url = parse(
        "vllm+http://gpu1:8000, vllm+http://gpu2:8000/v1/?max_in_flight=128&family=qwen3-vl&check=never"
    )
    assert url.name == "vllm"
    assert url.bases == ("http://gpu1:8000/v1", "http://gpu2:8000/v1")
    assert (url.options.max_in_flight, url.options.family) == (128, Family.QWEN3_VL)
    assert url.more == {"check": "never"}


def test_a_hosted_api() -> None:
    url = parse("openai+https://api.example.com/openai/v1?model=qwen2-vl-7b")
    assert (url.name, url.bases, url.options.model) == (
        "openai",
        ("https://api.example.com/openai/v1",),
        "qwen2-vl-7b",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://", "host"),
        ("ftp://host", "ftp"),
        ("http://user:secret@host", "QUIRE_ENGINE_KEY"),
        ("vllm+http://a,openai+http://b", "one kind"),
        ("http://a?max_in_flight=0", "max_in_flight"),
        ("http://a?total_s=soon", "total_s"),
        ("http://a?family=llama", "family"),
        ("nonsense", "malformed"),
    ],
)
def test_what_cannot_be_honoured_is_refused(text: str, says: str) -> None:
    with pytest.raises(Unsupported) as refused:
        parse(text)
    assert says in refused.value.detail
    assert "secret" not in refused.value.detail
