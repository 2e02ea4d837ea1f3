"""Names in a training's workspace that its trainer and its judge (another environment, without torch) share."""

from __future__ import annotations

HELD_OUT = "heldout.mp4"  # the held-out frames as drawn, the lips from the sound
HELD_OUT_FROZEN = "heldout_frozen.mp4"  # the same with the mouth at its mean
HELD_OUT_REAL = "heldout_real.mp4"
SPOKEN = "spoken.npy"  # mouth units of every frame as the sound alone gives them
MOOD = "mood.npy"  # and what is to be added to that, as face and head are held
