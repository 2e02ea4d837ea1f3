"""The loss of `training.losses` as kernels that give its gradient by the drawn pictures, and nothing else.

Weighted L1 and structural dissimilarity (Kerbl et al. 2023, eq. 7; Wang et al. 2004), a batch of frames at once. The
value of the loss is not worked out: nobody asks for it while training.
"""

# mypy: ignore-errors
# (the annotations of kernels are values, arrays of a type and so on, which mypy takes for mistakes; Warp reads them as
# they are, so no `from __future__ import annotations` here)

import warp as wp

from talking_gaussian.training.ssim_kernels import C1, C2, KERNEL, SIDE
from talking_gaussian.training.views import PLATE_HIDDEN, REAL_HIDDEN

wp.set_module_options({"enable_backward": False})

CHANNELS = 8  # bytes of a pixel: real rgb, plate rgb, what is hidden, weight
Taps = wp.types.vector(length=len(KERNEL), dtype=float)
TAPS = wp.constant(Taps(*[float(weight) for weight in KERNEL]))
REACH = wp.constant(SIDE)
SMALL_1 = wp.constant(float(C1))
SMALL_2 = wp.constant(float(C2))
HIDES_REAL = wp.constant(REAL_HIDDEN)
HIDES_PLATE = wp.constant(PLATE_HIDDEN)


@wp.func
def plate_at(pixels: wp.array4d(dtype=wp.uint8), slot: int, y: int, x: int, backdrop: wp.vec3):
    """What stands behind the head at a pixel."""
    shown = wp.vec3(float(pixels[slot, y, x, 3]), float(pixels[slot, y, x, 4]), float(pixels[slot, y, x, 5])) / 255.0
    if (int(pixels[slot, y, x, 6]) & HIDES_PLATE) != 0:
        shown = backdrop
    return shown


@wp.func
def inside(box: wp.vec4i, y: int, x: int, margin: int):
    """Whether a pixel is in the box (top, bottom, left, right), so far from its border."""
    return y >= box[0] + margin and y < box[1] - margin and x >= box[2] + margin and x < box[3] - margin


@wp.kernel
def lay_over(
    canvas: wp.array3d(dtype=wp.vec4),
    pixels: wp.array4d(dtype=wp.uint8),
    slots: wp.array(dtype=int),
    backdrops: wp.array(dtype=wp.vec3),
    picture: wp.array3d(dtype=wp.vec3),
    real: wp.array3d(dtype=wp.vec3),
):
    """The drawn picture over its plate, and the real one, with the backdrop's colour where nothing may be seen."""
    f, y, x = wp.tid()
    slot = slots[f]
    backdrop = backdrops[f]
    drawn = canvas[f, y, x]
    picture[f, y, x] = wp.vec3(drawn[0], drawn[1], drawn[2]) + drawn[3] * plate_at(pixels, slot, y, x, backdrop)
    if (int(pixels[slot, y, x, 6]) & HIDES_REAL) != 0:
        real[f, y, x] = backdrop
    else:
        real[f, y, x] = (
            wp.vec3(float(pixels[slot, y, x, 0]), float(pixels[slot, y, x, 1]), float(pixels[slot, y, x, 2])) / 255.0
        )


@wp.kernel
def moments_along(
    picture: wp.array3d(dtype=wp.vec3),
    real: wp.array3d(dtype=wp.vec3),
    boxes: wp.array(dtype=wp.vec4i),
    slots: wp.array(dtype=int),
    moments: wp.array4d(dtype=wp.vec3),
):
    """Weighted sums along rows of a, b, a^2, b^2, ab -> moments [5, B, H, W]."""
    f, y, x = wp.tid()
    box = boxes[slots[f]]
    if y < box[0] or y >= box[1] or x < box[2] + REACH or x >= box[3] - REACH:
        return
    sum_a, sum_b = wp.vec3(0.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 0.0)
    sum_aa, sum_bb, sum_ab = wp.vec3(0.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 0.0)
    for k in range(2 * REACH + 1):
        a, b, tap = picture[f, y, x + k - REACH], real[f, y, x + k - REACH], TAPS[k]
        sum_a += tap * a
        sum_b += tap * b
        sum_aa += tap * wp.cw_mul(a, a)
        sum_bb += tap * wp.cw_mul(b, b)
        sum_ab += tap * wp.cw_mul(a, b)
    moments[0, f, y, x] = sum_a
    moments[1, f, y, x] = sum_b
    moments[2, f, y, x] = sum_aa
    moments[3, f, y, x] = sum_bb
    moments[4, f, y, x] = sum_ab


@wp.kernel
def slopes_of_index(
    moments: wp.array4d(dtype=wp.vec3),
    pixels: wp.array4d(dtype=wp.uint8),
    boxes: wp.array(dtype=wp.vec4i),
    slots: wp.array(dtype=int),
    slopes: wp.array4d(dtype=wp.vec3),
):
    """Windows' weighted index by the first picture's mean, mean square and mean product -> slopes [3, B, H, W], as
    ssim_kernels.index_and_slopes."""
    f, y, x = wp.tid()
    slot = slots[f]
    by_mean, by_square, by_product = wp.vec3(0.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 0.0)
    if inside(boxes[slot], y, x, REACH):
        mean_a, mean_b = wp.vec3(0.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 0.0)
        aa, bb, ab = wp.vec3(0.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 0.0)
        for k in range(2 * REACH + 1):
            tap, row = TAPS[k], y + k - REACH
            mean_a += tap * moments[0, f, row, x]
            mean_b += tap * moments[1, f, row, x]
            aa += tap * moments[2, f, row, x]
            bb += tap * moments[3, f, row, x]
            ab += tap * moments[4, f, row, x]
        weight = float(pixels[slot, y, x, 7])
        for c in range(3):
            ma, mb = mean_a[c], mean_b[c]
            a1 = 2.0 * ma * mb + SMALL_1
            a2 = 2.0 * (ab[c] - ma * mb) + SMALL_2
            b1 = ma * ma + mb * mb + SMALL_1
            b2 = aa[c] - ma * ma + bb[c] - mb * mb + SMALL_2
            inverse = 1.0 / (b1 * b2)
            index = a1 * a2 * inverse
            by_mean[c] = weight * (2.0 * mb * (a2 - a1) * inverse - 2.0 * ma * index / b1 + 2.0 * ma * index / b2)
            by_square[c] = -weight * index / b2
            by_product[c] = weight * 2.0 * a1 * inverse
    slopes[0, f, y, x] = by_mean
    slopes[1, f, y, x] = by_square
    slopes[2, f, y, x] = by_product


@wp.kernel
def slopes_along(
    slopes: wp.array4d(dtype=wp.vec3),
    boxes: wp.array(dtype=wp.vec4i),
    slots: wp.array(dtype=int),
    spread: wp.array4d(dtype=wp.vec3),
):
    """Slopes spread back along rows onto the pixels that their windows saw."""
    f, y, x = wp.tid()
    if not inside(boxes[slots[f]], y, x, 0):
        return
    first, second, third = wp.vec3(0.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 0.0)
    for k in range(2 * REACH + 1):
        column = x + k - REACH
        if column >= 0 and column < slopes.shape[3]:
            tap = TAPS[k]
            first += tap * slopes[0, f, y, column]
            second += tap * slopes[1, f, y, column]
            third += tap * slopes[2, f, y, column]
    spread[0, f, y, x] = first
    spread[1, f, y, x] = second
    spread[2, f, y, x] = third


@wp.kernel
def pull_of_loss(
    picture: wp.array3d(dtype=wp.vec3),
    real: wp.array3d(dtype=wp.vec3),
    spread: wp.array4d(dtype=wp.vec3),
    pixels: wp.array4d(dtype=wp.uint8),
    boxes: wp.array(dtype=wp.vec4i),
    sums: wp.array(dtype=wp.vec2),
    slots: wp.array(dtype=int),
    backdrops: wp.array(dtype=wp.vec3),
    ssim_weight: float,
    share: float,
    pull: wp.array3d(dtype=wp.vec4),
):
    """dL/d(r, g, b, transmittance) of the canvas. sums: the weights' sum in a frame's box, and where windows fit;
    share: of this frame in the batch's loss."""
    f, y, x = wp.tid()
    slot = slots[f]
    box = boxes[slot]
    by_picture = wp.vec3(0.0, 0.0, 0.0)
    if inside(box, y, x, 0):
        a, b = picture[f, y, x], real[f, y, x]
        scale = (1.0 - ssim_weight) * float(pixels[slot, y, x, 7]) / (3.0 * wp.max(sums[slot][0], 1.0))
        for c in range(3):
            if a[c] != b[c]:
                by_picture[c] = scale * wp.sign(a[c] - b[c])
        if ssim_weight > 0.0:
            first, second, third = wp.vec3(0.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 0.0), wp.vec3(0.0, 0.0, 0.0)
            for k in range(2 * REACH + 1):
                row = y + k - REACH
                if row >= box[0] and row < box[1]:
                    tap = TAPS[k]
                    first += tap * spread[0, f, row, x]
                    second += tap * spread[1, f, row, x]
                    third += tap * spread[2, f, row, x]
            structural = first + 2.0 * wp.cw_mul(a, second) + wp.cw_mul(b, third)
            by_picture -= (ssim_weight / (3.0 * wp.max(sums[slot][1], 1.0))) * structural
    by_picture = share * by_picture
    backdrop = backdrops[f]
    by_rest = wp.dot(by_picture, plate_at(pixels, slot, y, x, backdrop))
    pull[f, y, x] = wp.vec4(by_picture[0], by_picture[1], by_picture[2], by_rest)
