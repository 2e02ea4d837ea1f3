"""What can be asked for. A request is a frozen dataclass that checks itself with a sentence for a person and knows its
command line. Fields keep paths as text, so that a request can be written to request.json and repeated."""

from __future__ import annotations

from bridges.requests.avatars import ImportAvatarRequest
from bridges.requests.base import Request
from bridges.requests.environments import PrepareEnvironmentRequest
from bridges.requests.evaluate import EvaluateRequest
from bridges.requests.generate import GenerateRequest
from bridges.requests.speak import SpeakRequest
from bridges.requests.train import PreflightRequest, TrainRequest
from bridges.requests.voices import AddVoiceRequest, FetchModelRequest, FetchSourceRequest, TranscribeRequest

KINDS: dict[str, type[Request]] = {
    cls.kind: cls
    for cls in (
        *(
            EvaluateRequest,
            GenerateRequest,
            ImportAvatarRequest,
            PreflightRequest,
            PrepareEnvironmentRequest,
            TrainRequest,
        ),
        *(SpeakRequest, AddVoiceRequest, FetchModelRequest, FetchSourceRequest, TranscribeRequest),
    )
}
