from watcherd.hands import LONG_MS, LONG_ON_CPU, MOST_LONG, MOST_SHORT, SHORT_ON_CPU, Hands


def in_hand(*content_ids: int) -> dict[int, int]:
    """Jobs in the order of their start."""
    return dict(enumerate(content_ids))


def test_long_recordings_never_take_the_hands_of_short_ones() -> None:
    hands = Hands()
    for content_id in (10, 11):
        hands.learn(content_id, LONG_MS)

    assert hands.has_room(in_hand(10, 11, 1, 2, 3))
    assert not hands.has_room(in_hand(10, 11, *range(SHORT_ON_CPU)))


def test_a_recording_counts_as_short_until_its_length_is_known() -> None:
    hands = Hands()
    assert not hands.has_room(in_hand(*range(SHORT_ON_CPU)))

    hands.learn(0, LONG_MS)

    assert hands.has_room(in_hand(*range(SHORT_ON_CPU)))


def test_the_long_one_that_came_last_is_taken_back_and_passed_over_until_another_has_ended() -> None:
    hands = Hands()
    first, *_, last = content_ids = range(10, 11 + LONG_ON_CPU)
    for content_id in content_ids:
        hands.learn(content_id, LONG_MS)

    assert hands.too_many(in_hand(1, *content_ids)) == [1 + LONG_ON_CPU]
    assert last in hands.passed_over(in_hand(*content_ids[:-1]))
    assert 1 not in hands.passed_over(in_hand(*content_ids[:-1]))

    hands.forget(first)

    assert hands.passed_over(in_hand(*content_ids[1:-1])) == frozenset()


def test_short_recordings_are_never_taken_back() -> None:
    hands = Hands()
    for content_id in range(9):
        hands.learn(content_id, LONG_MS - 1)

    assert hands.too_many(in_hand(*range(9))) == []


def test_a_gpu_has_the_decoders_of_all_processors_work_for_it() -> None:
    hands = Hands()
    hands.suit(on_gpu=True, processors=12)
    assert (hands.most_long, hands.most_short) == (6, 24)
    assert hands.has_room(in_hand(*range(23)))

    hands.suit(on_gpu=True, processors=1)
    assert (hands.most_long, hands.most_short) == (LONG_ON_CPU, SHORT_ON_CPU)

    hands.suit(on_gpu=True, processors=256)
    assert (hands.most_long, hands.most_short) == (MOST_LONG, MOST_SHORT)


def test_a_model_on_the_processors_shares_them_with_few_decoders() -> None:
    hands = Hands()
    hands.suit(on_gpu=True, processors=12)
    hands.suit(on_gpu=False, processors=12)
    assert (hands.most_long, hands.most_short) == (LONG_ON_CPU, SHORT_ON_CPU)
