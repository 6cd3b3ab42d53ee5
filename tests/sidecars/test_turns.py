from watcherd.sidecars.cues import Cue, Layout, cues
from watcherd.sidecars.turns import with_names
from watcherd.transcript import Segment, Transcript, Word

CALL = Transcript(
    "en",
    9_000,
    (
        Segment(0, 1_000, "Hello?", speaker="left"),
        Segment(1_100, 2_000, "Hi.", (Word(1_100, 2_000, "Hi."),), speaker="right"),
        Segment(2_000, 3_500, "It is me.", speaker="right"),
        Segment(3_000, 4_500, "Good morning.", speaker="left"),
    ),
).named(("Me", "Ada Caller"))


def test_every_turn_of_a_call_is_a_cue_of_its_own_with_a_name() -> None:
    assert cues(with_names(CALL), Layout()) == [
        Cue(0, 1_017, ("Me: Hello?",)),
        Cue(1_100, 2_917, ("Ada Caller: Hi. It is me.",)),
        Cue(3_000, 5_000, ("Me: Good morning.",)),
    ]


def test_without_speakers_nobody_is_named() -> None:
    transcript = Transcript("en", 2_000, (Segment(0, 1_500, "Hello there."),))

    assert transcript.named(("Me", "Caller")) == transcript
    assert cues(with_names(transcript), Layout()) == [Cue(0, 2_000, ("Hello there.",))]
