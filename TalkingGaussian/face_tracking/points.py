"""Numbers of the points of mediapipe's face mesh (478 with irises), as everything here uses them. Left and right are
the person's own."""

from __future__ import annotations

COUNT = 478
NOSE_TIP = 1
UPPER_LIP, LOWER_LIP = 13, 14  # inner edges, middle
LIP_CORNERS = (61, 291)
EYE_CORNERS = (33, 263)  # outer corners: right, left
CHIN = 152
RIGHT_LIDS = (159, 145)  # upper and lower lid, middle of the right eye
LEFT_LIDS = (386, 374)
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
RIGHT_IRIS = (468, 469, 470, 471, 472)
LEFT_IRIS = (473, 474, 475, 476, 477)
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
OUTER_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
MOUTH20 = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87)
FACE_OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
# forehead, temples, bridge and sides of the nose, cheekbones: what speech and expression move least
STEADY = (
    *(10, 109, 67, 103, 54, 21, 338, 297, 332, 284, 251, 162, 127, 389, 356, 234, 454, 93, 323),
    *(168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 98, 327, 64, 294, 129, 358, 33, 263, 133, 362, 116, 345, 117, 346),
)
