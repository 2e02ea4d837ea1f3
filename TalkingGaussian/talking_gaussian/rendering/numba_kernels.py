"""The CPU rasteriser's compiled kernels: project, bin by bands of rows, splat front to back, and back again.

Method: EWA splatting (Zwicker et al. 2001) with the alpha compositing of 3D Gaussian Splatting (Kerbl et al. 2023).
A band of rows belongs to one thread, so no two threads write one pixel. In a row the Gaussian's value follows from
its neighbour's by two multiplications (the ratio of neighbours is itself a geometric sequence), so a row costs two
exponentials and not one a pixel.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from talking_gaussian.rendering.constants import ALPHA_MAX, ALPHA_MIN, LOW_PASS, NEAR, TRANSMITTANCE_MIN

BAND_ROWS = 8
# columns of a projected splat
X, Y, CONIC_A, CONIC_B, CONIC_C, OPACITY, REACH, HALF_HEIGHT = range(8)

_ALPHA_MIN = np.float32(ALPHA_MIN)
_ALPHA_MAX = np.float32(ALPHA_MAX)
_T_MIN = np.float32(TRANSMITTANCE_MIN)
_ONE = np.float32(1)
_HALF = np.float32(0.5)
_LOG2_E = np.float32(1.4426950408889634)
_LN_2 = np.float32(0.6931471805599453)
_SQRT_2 = np.float32(1.4142135623730951)
_C2, _C3, _C4, _C5, _C6 = (np.float32(1 / math.factorial(k)) for k in range(2, 7))


@njit(cache=True, parallel=True, fastmath=True, nogil=True)
def project(means, covariances, opacities, viewmat, K, height, projected, depths):
    """Splats to screen: fills projected [N, 8] and depths [N] (inf where nothing is to be drawn)."""
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    for i in prange(means.shape[0]):
        depths[i] = np.inf
        mx, my, mz = means[i, 0], means[i, 1], means[i, 2]
        x = viewmat[0, 0] * mx + viewmat[0, 1] * my + viewmat[0, 2] * mz + viewmat[0, 3]
        y = viewmat[1, 0] * mx + viewmat[1, 1] * my + viewmat[1, 2] * mz + viewmat[1, 3]
        z = viewmat[2, 0] * mx + viewmat[2, 1] * my + viewmat[2, 2] * mz + viewmat[2, 3]
        if z < NEAR or opacities[i] <= _ALPHA_MIN:
            continue
        # rows of T = J R, the linearised projection
        ja, jb = fx / z, fy / z
        jc, jd = -fx * x / (z * z), -fy * y / (z * z)
        t00 = ja * viewmat[0, 0] + jc * viewmat[2, 0]
        t01 = ja * viewmat[0, 1] + jc * viewmat[2, 1]
        t02 = ja * viewmat[0, 2] + jc * viewmat[2, 2]
        t10 = jb * viewmat[1, 0] + jd * viewmat[2, 0]
        t11 = jb * viewmat[1, 1] + jd * viewmat[2, 1]
        t12 = jb * viewmat[1, 2] + jd * viewmat[2, 2]
        sxx, sxy, sxz = covariances[i, 0], covariances[i, 1], covariances[i, 2]
        syy, syz, szz = covariances[i, 3], covariances[i, 4], covariances[i, 5]
        u0 = sxx * t00 + sxy * t01 + sxz * t02
        u1 = sxy * t00 + syy * t01 + syz * t02
        u2 = sxz * t00 + syz * t01 + szz * t02
        v0 = sxx * t10 + sxy * t11 + sxz * t12
        v1 = sxy * t10 + syy * t11 + syz * t12
        v2 = sxz * t10 + syz * t11 + szz * t12
        a = t00 * u0 + t01 * u1 + t02 * u2 + LOW_PASS
        b = t10 * u0 + t11 * u1 + t12 * u2
        c = t10 * v0 + t11 * v1 + t12 * v2 + LOW_PASS
        determinant = a * c - b * b
        reach = 2 * math.log(opacities[i] / _ALPHA_MIN)
        screen_y = fy * y / z + cy
        half_height = math.sqrt(reach * c)
        if determinant <= 0 or screen_y + half_height < 0 or screen_y - half_height > height:
            continue
        projected[i, X] = fx * x / z + cx
        projected[i, Y] = screen_y
        projected[i, CONIC_A] = c / determinant
        projected[i, CONIC_B] = -b / determinant
        projected[i, CONIC_C] = a / determinant
        projected[i, OPACITY] = opacities[i]
        projected[i, REACH] = reach
        projected[i, HALF_HEIGHT] = half_height
        depths[i] = z


@njit(cache=True, nogil=True)
def depth_keys(depths):
    """16-bit depth keys for a radix sort; 65535 marks what is not drawn."""
    lowest, highest = np.inf, -np.inf
    for depth in depths:
        if depth < np.inf:
            lowest, highest = min(lowest, depth), max(highest, depth)
    keys = np.full(depths.shape[0], 65535, np.uint16)
    if highest < lowest:
        return keys
    scale = 65534.0 / max(highest - lowest, 1e-9)
    for i in range(depths.shape[0]):
        if depths[i] < np.inf:
            keys[i] = np.uint16((depths[i] - lowest) * scale)
    return keys


@njit(cache=True, nogil=True, inline="always")
def _bands_of(projected, i, bands):
    first = math.floor((projected[i, Y] - projected[i, HALF_HEIGHT] - 0.5) / BAND_ROWS)
    last = math.floor((projected[i, Y] + projected[i, HALF_HEIGHT] + 0.5) / BAND_ROWS)
    return max(first, 0), min(last, bands - 1)


@njit(cache=True, nogil=True)
def bin_by_band(order, keys, projected, height):
    """Depth-ordered splat indices of each band -> starts [bands + 1], indices [total]."""
    bands = (height + BAND_ROWS - 1) // BAND_ROWS
    starts = np.zeros(bands + 1, np.int64)
    for i in order:
        if keys[i] == 65535:
            break
        first, last = _bands_of(projected, i, bands)
        for band in range(first, last + 1):
            starts[band + 1] += 1
    for band in range(bands):
        starts[band + 1] += starts[band]
    fill = starts[:-1].copy()
    indices = np.empty(starts[-1], np.int32)
    for i in order:
        if keys[i] == 65535:
            break
        first, last = _bands_of(projected, i, bands)
        for band in range(first, last + 1):
            indices[fill[band]] = i
            fill[band] += 1
    return starts, indices


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def _exp(x):
    """exp of a float32 in about -80 to 80, to some 3e-7: 2^n by its bits, 2^f by a polynomial (Taylor about 1/2).

    Two to three times faster than the library's, which is what most of a short row would be spent on.
    """
    t = x * _LOG2_E
    whole = np.int32(math.floor(t))
    y = (t - np.float32(whole) - _HALF) * _LN_2
    series = _ONE + y * (_ONE + y * (_C2 + y * (_C3 + y * (_C4 + y * (_C5 + y * _C6)))))
    return series * _SQRT_2 * np.int32((whole + 127) << 23).view(np.float32)


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def _row_span(projected, i, inverse_a, row, width):
    """The pixels [first, last) of `row` that splat i reaches, and its dx, dy at the first pixel's centre."""
    a, b, c = projected[i, CONIC_A], projected[i, CONIC_B], projected[i, CONIC_C]
    dy = np.float32(row) + _HALF - projected[i, Y]
    discriminant = b * b * dy * dy - a * (c * dy * dy - projected[i, REACH])
    if discriminant <= 0:
        return 0, 0, _ONE, dy
    half_width = math.sqrt(discriminant) * inverse_a
    middle = projected[i, X] - b * dy * inverse_a - _HALF
    first = max(math.ceil(middle - half_width), 0)
    last = min(math.floor(middle + half_width) + 1, width)
    return first, last, np.float32(first) + _HALF - projected[i, X], dy


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def _row_start(projected, i, dx, dy):
    """Value of splat i at (dx, dy), and the ratio to its right neighbour."""
    a, b, c = projected[i, CONIC_A], projected[i, CONIC_B], projected[i, CONIC_C]
    value = projected[i, OPACITY] * _exp(-_HALF * (a * dx * dx + c * dy * dy) - b * dx * dy)
    return value, _exp(-a * (dx + _HALF) - b * dy)


@njit(cache=True, parallel=True, fastmath=True, nogil=True)
def splat_forward(starts, indices, projected, colors, canvas, lanes):
    """Draw into canvas [H, W, 4] = (r, g, b premultiplied, transmittance), which starts as (0, 0, 0, 1).

    Bands are dealt to `lanes` threads in turn, since the middle of the picture costs more than its edges.
    """
    height, width = canvas.shape[0], canvas.shape[1]
    bands = starts.shape[0] - 1
    for lane in prange(lanes):
        for band in range(lane, bands, lanes):
            top, bottom = band * BAND_ROWS, min((band + 1) * BAND_ROWS, height)
            for k in range(starts[band], starts[band + 1]):
                i = indices[k]
                red, green, blue = colors[i, 0], colors[i, 1], colors[i, 2]
                ratio_step = _exp(-projected[i, CONIC_A])
                inverse_a = _ONE / projected[i, CONIC_A]
                y, reach_y = projected[i, Y], projected[i, HALF_HEIGHT]
                row_first = max(top, math.floor(y - reach_y))
                row_last = min(bottom, math.ceil(y + reach_y) + 1)
                for row in range(row_first, row_last):
                    first, last, dx, dy = _row_span(projected, i, inverse_a, row, width)
                    if first >= last:
                        continue
                    value, ratio = _row_start(projected, i, dx, dy)
                    for column in range(first, last):
                        transmittance = canvas[row, column, 3]
                        if transmittance >= _T_MIN and value >= _ALPHA_MIN:
                            alpha = min(value, _ALPHA_MAX)
                            weight = transmittance * alpha
                            canvas[row, column, 0] += weight * red
                            canvas[row, column, 1] += weight * green
                            canvas[row, column, 2] += weight * blue
                            canvas[row, column, 3] = transmittance - weight
                        value *= ratio
                        ratio *= ratio_step


@njit(cache=True, parallel=True, fastmath=True, nogil=True)
def splat_backward(starts, indices, projected, colors, canvas, grad_canvas, gradients, lanes):
    """Gradients of the loss with respect to each splat, front to back.

    canvas [H, W, 4]: what splat_forward drew. grad_canvas [H, W, 4]: dL/d(r, g, b, transmittance).
    gradients [lanes, N, 9]: dL/d(x, y, conic a b c, opacity, r g b), one buffer a thread.
    Behind a splat of transmittance T and alpha w stands the rest of the pixel's colour, S = C - (colour so far);
    dL/dw = T c.g - (S.g + g_T T_end) / (1 - w) with everything but T and S known, so one pass forward is enough.
    """
    height, width = canvas.shape[0], canvas.shape[1]
    bands = starts.shape[0] - 1
    for lane in prange(lanes):
        gradient = gradients[lane]
        transmittances = np.empty((BAND_ROWS, width), np.float32)
        rests = np.empty((BAND_ROWS, width), np.float32)
        for band in range(lane, bands, lanes):
            top, bottom = band * BAND_ROWS, min((band + 1) * BAND_ROWS, height)
            for row in range(top, bottom):
                for column in range(width):
                    transmittances[row - top, column] = _ONE
                    rest = np.float32(0)
                    for channel in range(4):
                        rest += canvas[row, column, channel] * grad_canvas[row, column, channel]
                    rests[row - top, column] = rest
            for k in range(starts[band], starts[band + 1]):
                i = indices[k]
                red, green, blue = colors[i, 0], colors[i, 1], colors[i, 2]
                a, b, c = projected[i, CONIC_A], projected[i, CONIC_B], projected[i, CONIC_C]
                ratio_step = _exp(-a)
                inverse_a = _ONE / a
                y, reach_y = projected[i, Y], projected[i, HALF_HEIGHT]
                row_first = max(top, math.floor(y - reach_y))
                row_last = min(bottom, math.ceil(y + reach_y) + 1)
                for row in range(row_first, row_last):
                    first, last, dx, dy = _row_span(projected, i, inverse_a, row, width)
                    if first >= last:
                        continue
                    value, ratio = _row_start(projected, i, dx, dy)
                    for column in range(first, last):
                        transmittance = transmittances[row - top, column]
                        if transmittance >= _T_MIN and value >= _ALPHA_MIN:
                            alpha = min(value, _ALPHA_MAX)
                            weight = transmittance * alpha
                            grad = grad_canvas[row, column]
                            shade = red * grad[0] + green * grad[1] + blue * grad[2]
                            rest = rests[row - top, column] - weight * shade
                            rests[row - top, column] = rest
                            transmittances[row - top, column] = transmittance - weight
                            gradient[i, 6] += weight * grad[0]
                            gradient[i, 7] += weight * grad[1]
                            gradient[i, 8] += weight * grad[2]
                            if value < _ALPHA_MAX:
                                grad_alpha = transmittance * shade - rest / (_ONE - alpha)
                                grad_power = grad_alpha * value  # power = log of the splat's value
                                gradient[i, 0] += grad_power * (a * dx + b * dy)
                                gradient[i, 1] += grad_power * (b * dx + c * dy)
                                gradient[i, 2] -= grad_power * _HALF * dx * dx
                                gradient[i, 3] -= grad_power * dx * dy
                                gradient[i, 4] -= grad_power * _HALF * dy * dy
                                gradient[i, 5] += grad_power / projected[i, OPACITY]
                        value *= ratio
                        ratio *= ratio_step
                        dx += _ONE


@njit(cache=True, parallel=True, fastmath=True, nogil=True)
def composite_bytes(canvas, plate, frame, lanes):
    """canvas [H, W, 4] over plate [H, W, 3] uint8 -> frame [H, W, 3] uint8, and clears the canvas for the next."""
    height, width = canvas.shape[0], canvas.shape[1]
    for lane in prange(lanes):
        for row in range(lane * height // lanes, (lane + 1) * height // lanes):
            for column in range(width):
                transmittance = canvas[row, column, 3]
                for channel in range(3):
                    value = canvas[row, column, channel] * np.float32(255) + transmittance * np.float32(
                        plate[row, column, channel]
                    )
                    frame[row, column, channel] = np.uint8(min(max(value + _HALF, np.float32(0)), np.float32(255)))
                    canvas[row, column, channel] = np.float32(0)
                canvas[row, column, 3] = _ONE
