import re
from html import unescape
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

from tests.sidecars.renderings import CONVERSATION, LANGUAGES, SILENCE, in_language, rendering, text
from watcherd.sidecars.formats import FORMATS
from watcherd.transcript import Transcript


def page(transcript: Transcript, recording: str = "/memos/talk.mp3", folder: str | None = None) -> str:
    content = FORMATS["md"].render(rendering(transcript, recording, folder))
    assert content is not None
    shown: str = MarkdownIt("gfm-like", {"linkify": False}).render(content.decode())
    return shown


def test_a_note_begins_with_the_facts() -> None:
    assert text("md", in_language("zh")).startswith(
        "# talk\n\n- Date: 2026-03-01 09:05\n- Duration: 0:01:00\n- Language: zh\n- Recording: [talk.mp3](talk.mp3)\n\n"
        "[0:00:00](talk.mp3#t=0) "
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_speech_is_never_markup(language: str) -> None:
    paragraphs = re.findall(r"<p><a[^>]*>[\d:]+</a> (.*?)</p>", page(in_language(language)), flags=re.DOTALL)
    assert [unescape(paragraph) for paragraph in paragraphs] == [LANGUAGES[language].replace("\t", " ")] * 3


def test_a_link_leads_from_the_note_to_the_time_in_the_recording() -> None:
    name = "50% [a] (b) <c> # d\udcff.mp3"
    shown = page(in_language("zh"), f"/memos/deep/{name}", "/notes/deep")
    links = re.findall(r'href="([^"]*)"', shown)
    assert [unquote(link, errors="surrogateescape") for link in links] == [
        f"../../memos/deep/{name}{time}" for time in ("", "#t=0", "#t=20", "#t=40")
    ]


def test_a_paragraph_has_one_speaker() -> None:
    assert re.findall(r"<strong>(.*?)</strong> (.*?)</p>", page(CONVERSATION)) == [
        ("Anna &amp; Co:", "How are you?"),
        ("Bob:", "Fine."),
        ("Anna &amp; Co:", "Good to hear. And now this."),
    ]


def test_where_nobody_speaks_the_note_says_so() -> None:
    assert "Nobody speaks in it." in page(SILENCE)


def test_a_doubtful_language_is_called_so() -> None:
    assert "- Language: en (doubtful)\n" in text("md", Transcript("en", 1_000, (), language_suspect=True))
