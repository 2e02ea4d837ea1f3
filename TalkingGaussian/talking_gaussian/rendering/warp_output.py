"""From what was drawn to finished pictures, on the card: over the plates, as RGB or as the encoder's planes."""

# mypy: ignore-errors
# (the annotations of kernels are values, arrays of a type and so on, which mypy takes for mistakes; Warp reads them as
# they are, so no `from __future__ import annotations` here)

import warp as wp

RED, GREEN, BLUE = wp.constant(0.2126), wp.constant(0.7152), wp.constant(0.0722)  # luma, BT.709
LUMA = wp.constant(219.0 / 255.0)  # limited range: luma 16 to 235, colour differences 16 to 240
TO_U = wp.constant(224.0 / 255.0 / (2.0 * (1.0 - 0.0722)))
TO_V = wp.constant(224.0 / 255.0 / (2.0 * (1.0 - 0.2126)))

wp.set_module_options({"enable_backward": False})


@wp.func
def finished(
    canvas: wp.array3d(dtype=wp.vec4),
    plates: wp.array4d(dtype=wp.uint8),
    frame: int,
    plate: int,
    row: int,
    column: int,
):
    """A pixel over its plate, each channel 0 to 255."""
    drawn = canvas[frame, row, column]
    value = wp.vec3(0.0, 0.0, 0.0)
    for channel in range(3):
        behind = float(plates[plate, row, column, channel])
        value[channel] = wp.clamp(drawn[channel] * 255.0 + drawn[3] * behind, 0.0, 255.0)
    return value


@wp.func
def luma(rgb: wp.vec3):
    """BT.709's Y', 0 to 255."""
    return RED * rgb[0] + GREEN * rgb[1] + BLUE * rgb[2]


@wp.kernel
def as_rgb(
    canvas: wp.array3d(dtype=wp.vec4),
    plates: wp.array4d(dtype=wp.uint8),
    numbers: wp.array(dtype=int),
    frames: wp.array4d(dtype=wp.uint8),
):
    """Pictures [frames, H, W, 3]; numbers: which of the plates stands behind each frame. One thread a pixel."""
    f, row, column = wp.tid()
    value = finished(canvas, plates, f, numbers[f], row, column)
    for channel in range(3):
        frames[f, row, column, channel] = wp.uint8(value[channel] + 0.5)


@wp.kernel
def as_planes(
    canvas: wp.array3d(dtype=wp.vec4),
    plates: wp.array4d(dtype=wp.uint8),
    numbers: wp.array(dtype=int),
    planes: wp.array3d(dtype=wp.uint8),
):
    """Pictures as Y'CbCr 4:2:0, BT.709 in limited range [frames, H * 3 / 2, W]: Y above, then U and V, each packed. One
    thread for 2 x 2 pixels.

    Colour is weighed as swscale weighs it (which the CPU's path uses): the two pixels beside each other alike, and
    four rows 1 3 3 1, so that it lies in the middle of the two rows.
    """
    f, j, i = wp.tid()
    width, height = canvas.shape[2], canvas.shape[1]
    mean = wp.vec3(0.0, 0.0, 0.0)
    for step in range(4):
        row = 2 * j - 1 + step
        inside = wp.clamp(row, 0, height - 1)
        left = finished(canvas, plates, f, numbers[f], inside, 2 * i)
        right = finished(canvas, plates, f, numbers[f], inside, 2 * i + 1)
        if step == 1 or step == 2:
            planes[f, row, 2 * i] = wp.uint8(16.5 + LUMA * luma(left))
            planes[f, row, 2 * i + 1] = wp.uint8(16.5 + LUMA * luma(right))
            mean += 0.1875 * (left + right)
        else:
            mean += 0.0625 * (left + right)
    y = luma(mean)
    place = j * (width // 2) + i
    quarter = (width // 2) * (height // 2)
    u_row, v_row = height + place // width, height + (quarter + place) // width
    planes[f, u_row, place % width] = wp.uint8(128.5 + TO_U * (mean[2] - y))
    planes[f, v_row, (quarter + place) % width] = wp.uint8(128.5 + TO_V * (mean[0] - y))
