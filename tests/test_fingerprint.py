from watcherd.config import ModelSettings
from watcherd.fingerprint import settings_line


def test_another_vocabulary_is_another_setting_and_none_is_what_it_was_before_there_were_any() -> None:
    lines = {settings_line(ModelSettings(), "en", "mix", words) for words in ((), ("Ann", "Bo"), ("Bo", "Ann"))}

    assert len(lines) == 3
    assert "language=en; channels=mix; decoding=auto; word_times=false" in lines


def test_the_words_themselves_are_nobody_else_s_business() -> None:
    assert "Kowalczyk" not in settings_line(ModelSettings(), "en", "mix", ["Kowalczyk"])
