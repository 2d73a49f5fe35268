"""Excuses are no transcriptions, and letters of apology are no excuses."""

import pytest

from pipeline.declining import declines


@pytest.mark.parametrize(
    "reply",
    [
        "I'm sorry, but I can't assist with that request.",
        "I’m sorry, I cannot read the text in this image.",
        "Sorry, I am unable to transcribe this document.",
        "I cannot help with identity documents.",
        "Unfortunately, I can't process this image.",
        "As an AI language model, I cannot view images.",
        "I don't see any image attached.",
        "抱歉，我无法识别这张图片。",
    ],
)
def test_excuses(reply: str) -> None:
    assert declines(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Invoice 17\nTotal 20.50",
        "Sorry for the delay. The goods left today.",
        "I can confirm the order of 3 May.",
        "We are sorry to inform you that the fair is over.",
        "I'm sorry, but I can't come on Friday. "
        + "The train leaves at nine and there is none before. " * 10,
        "Ich kann leider nicht kommen.",
    ],
)
def test_pages(reply: str) -> None:
    assert not declines(reply)
