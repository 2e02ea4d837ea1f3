"""Sound heard by other programs gives what is heard here, also when they die."""

from __future__ import annotations

import numpy as np
import pytest
from audio_files import syllables
from talking_gaussian.audio.ears import Ears
from talking_gaussian.audio.features import available, load_feature
from talking_gaussian.motion.speech_motion import SpeechMotion

NAME = "visemes" if available("visemes") else "mel"


def test_several_ears_give_the_same_motion_to_the_bit() -> None:
    sound, speech = syllables(31.0), SpeechMotion.load(NAME)
    alone = np.concatenate(list(speech.stream([sound], 25, 775)))
    with Ears(NAME, count=2) as ears:
        together = np.concatenate(list(speech.stream([sound], 25, 775, ears)))
    np.testing.assert_array_equal(alone, together)
    assert speech.heard_speech


def test_what_a_dead_program_was_asked_is_heard_here() -> None:
    sound = syllables(1.0)
    with Ears(NAME, count=1) as ears:
        ears._programs[0].kill()
        ears._programs[0].wait()
        features = ears.hear(sound).result()
    np.testing.assert_array_equal(features, load_feature(NAME).extract(sound))


def test_nothing_is_left_running_when_nobody_waits_for_the_answer() -> None:
    with pytest.raises(RuntimeError, match="enough"), Ears(NAME, count=1) as ears:
        ears.hear(syllables(12.0))
        raise RuntimeError("enough")
    assert ears._programs[0].poll() is not None
