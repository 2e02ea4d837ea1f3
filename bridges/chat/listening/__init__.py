"""Listening: where a turn begins and ends in a microphone's sound, and what it says."""

from bridges.chat.listening.endpoint import (
    Event,
    NothingHeard,
    Paused,
    SpeechEnded,
    SpeechResumed,
    SpeechStarted,
    TurnListener,
)
from bridges.chat.listening.recognisers import EngineInfo, engines
from bridges.chat.listening.recognition import Heard, close, recognise, warm

__all__ = [
    "EngineInfo",
    "Event",
    "Heard",
    "NothingHeard",
    "Paused",
    "SpeechEnded",
    "SpeechResumed",
    "SpeechStarted",
    "TurnListener",
    "close",
    "engines",
    "recognise",
    "warm",
]
