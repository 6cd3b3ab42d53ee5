"""Dynamic time warping: which stretch of the audio each token belongs to, by how much it attends to every moment."""

import numpy as np
import numpy.typing as npt

DIAGONAL, NEXT_TOKEN, NEXT_FRAME = range(3)


def onsets(attention: npt.NDArray[np.float32]) -> list[int]:
    """The first frame of every token on the way with the most attention through all tokens and all frames.

    Args:
        attention: [tokens, frames], at least one of each. The way begins with the first token in the first frame and
            ends with the last in the last; a step goes on by a token, by a frame, or by both.
    """
    steps = _steps(attention)
    token, frame = attention.shape[0] - 1, attention.shape[1] - 1
    first = [0] * attention.shape[0]
    while token > 0:
        step = steps[token + frame, token]
        if step == NEXT_FRAME:
            frame -= 1
            continue
        first[token] = frame
        token -= 1
        if step == DIAGONAL:
            frame -= 1
    return first


def _steps(attention: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
    """By which step the best way comes to each place; [tokens + frames - 1, tokens], a row for each diagonal.

    What lies on one diagonal does not depend on each other, so a diagonal is done at once.
    """
    tokens, frames = attention.shape
    cost = np.full((tokens + frames - 1, tokens), np.inf)
    for token in range(tokens):
        cost[token : token + frames, token] = -attention[token]
    steps = np.full(cost.shape, NEXT_FRAME, np.int8)
    before = np.full(tokens + 1, np.inf)  # the best ways to the diagonal before, each token's one place to the right
    earlier = np.full(tokens + 1, np.inf)  # to the one before that
    before[1] = cost[0, 0]
    for diagonal in range(1, len(cost)):
        by_both, by_token, by_frame = earlier[:-1], before[:-1], before[1:]
        here = steps[diagonal]
        here[(by_token < by_both) & (by_token < by_frame)] = NEXT_TOKEN
        here[(by_both < by_token) & (by_both < by_frame)] = DIAGONAL
        best = np.minimum(np.minimum(by_both, by_token), by_frame) + cost[diagonal]
        earlier, before = before, np.concatenate(([np.inf], best))
    return steps
