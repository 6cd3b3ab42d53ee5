import pytest

from tests.sidecars.golden.renew import golden, rendered
from watcherd.sidecars.formats import FORMATS


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_real_transcript_is_rendered_as_it_was(format_name: str) -> None:
    assert rendered(format_name).decode() == golden(format_name).read_text("utf-8")
