"""Finding the face in pictures: mediapipe's mesh of 478 points, and what its numbers mean. Runs in `tg_eval`."""
