"""The head's arithmetic of `training.model` as kernels: a batch of frames posed, coloured and projected at once.

`bend` moves by the face units, and its gradient (`unbend`) is written by hand, since it is a long sum; `place` is
straight arithmetic, whose gradient Warp derives. The heads' motion is on the card already, told by frames' numbers.
"""

# mypy: ignore-errors
# (the annotations of kernels are values, arrays of a type and so on, which mypy takes for mistakes; Warp reads them as
# they are, so no `from __future__ import annotations` here)

import warp as wp

from talking_gaussian.rendering.warp_kernels import LOW_PASS, NEAR, Lens

SH_C0 = wp.constant(0.28209479177387814)
SH_C1 = wp.constant(0.4886025119029199)


@wp.kernel(enable_backward=False)
def bend(
    rest: wp.array(dtype=wp.vec3),
    basis: wp.array2d(dtype=wp.vec3),
    shade: wp.array2d(dtype=wp.vec3),
    coefficients: wp.array2d(dtype=float),
    moved: wp.array(dtype=wp.vec3),
    tint: wp.array(dtype=wp.vec3),
):
    """Frame f of the batch, Gaussian n: moved = rest + sum of c_k basis_k, tint = sum of c_k shade_k."""
    f, n = wp.tid()
    place = wp.vec3(rest[n])
    colour = wp.vec3(0.0, 0.0, 0.0)
    for k in range(coefficients.shape[1]):
        c = coefficients[f, k]
        if c != 0.0:
            place += c * basis[k, n]
            colour += c * shade[k, n]
    moved[f * rest.shape[0] + n] = place
    tint[f * rest.shape[0] + n] = colour


@wp.kernel(enable_backward=False)
def unbend_means(frames: int, by_moved: wp.array(dtype=wp.vec3), by_means: wp.array(dtype=wp.vec3)):
    """Gradient of `bend` by the resting means: the sum over the batch."""
    n = wp.tid()
    total = wp.vec3(0.0, 0.0, 0.0)
    for f in range(frames):
        total += by_moved[f * by_means.shape[0] + n]
    by_means[n] = total


@wp.kernel(enable_backward=False)
def unbend_units(
    frames: int,
    coefficients: wp.array2d(dtype=float),
    by_value: wp.array(dtype=wp.vec3),
    values: wp.array2d(dtype=wp.vec3),
    towards_none: float,
    by_units: wp.array2d(dtype=wp.vec3),
):
    """Gradient of `bend` by the units' displacements or colours, and of towards_none * sum |values|."""
    k, n = wp.tid()
    total = wp.vec3(0.0, 0.0, 0.0)
    for f in range(frames):
        c = coefficients[f, k]
        if c != 0.0:
            total += c * by_value[f * values.shape[1] + n]
    if towards_none > 0.0:
        value = values[k, n]
        for axis in range(3):
            if value[axis] != 0.0:
                total[axis] += towards_none * wp.sign(value[axis])
    by_units[k, n] = total


@wp.func
def rotation(quat: wp.vec4):
    """The matrix of a quaternion (w, x, y, z) of any length."""
    q = wp.normalize(quat)
    w, x, y, z = q[0], q[1], q[2], q[3]
    return wp.mat33(
        1.0 - 2.0 * (y * y + z * z),
        2.0 * (x * y - w * z),
        2.0 * (x * z + w * y),
        2.0 * (x * y + w * z),
        1.0 - 2.0 * (x * x + z * z),
        2.0 * (y * z - w * x),
        2.0 * (x * z - w * y),
        2.0 * (y * z + w * x),
        1.0 - 2.0 * (x * x + y * y),
    )


@wp.kernel
def place(
    moved: wp.array(dtype=wp.vec3),
    tint: wp.array(dtype=wp.vec3),
    quats: wp.array(dtype=wp.vec4),
    scales: wp.array(dtype=wp.vec3),
    opacities: wp.array(dtype=float),
    sh: wp.array2d(dtype=wp.vec3),
    rest: wp.array(dtype=wp.vec3),
    weights: wp.array(dtype=float),
    heads: wp.array(dtype=wp.mat44),
    eyes: wp.array(dtype=wp.vec3),
    numbers: wp.array(dtype=int),
    view: wp.mat44,
    lens: Lens,
    centres: wp.array(dtype=wp.vec2),
    conics: wp.array(dtype=wp.vec3),
    depths: wp.array(dtype=float),
    covers: wp.array(dtype=float),
    colors: wp.array(dtype=wp.vec3),
):
    """Bent Gaussians -> splats on the screen, as TrainableHead.draw and reference.project: x' = A x + w t with
    A = (1 - w) I + w R, covariance A S A^T along the linearised camera (Zwicker et al. 2001, eqs. 29-31)."""
    f, n = wp.tid()
    i = f * rest.shape[0] + n
    number = numbers[f]
    head, w = heads[number], weights[n]
    first = w * wp.vec3(head[0, 0], head[0, 1], head[0, 2]) + wp.vec3(1.0 - w, 0.0, 0.0)
    second = w * wp.vec3(head[1, 0], head[1, 1], head[1, 2]) + wp.vec3(0.0, 1.0 - w, 0.0)
    third = w * wp.vec3(head[2, 0], head[2, 1], head[2, 2]) + wp.vec3(0.0, 0.0, 1.0 - w)
    turn = wp.matrix_from_rows(first, second, third)
    world = turn * moved[i] + w * wp.vec3(head[0, 3], head[1, 3], head[2, 3])
    seen = wp.transform_point(view, world)
    x, y, z = seen[0], seen[1], seen[2]
    covers[i] = 1.0 / (1.0 + wp.exp(-opacities[n]))
    depths[i] = z
    tone = tint[i] + SH_C0 * sh[n, 0] + wp.vec3(0.5, 0.5, 0.5)
    if sh.shape[1] > 1:
        to = wp.normalize(rest[n] - eyes[number])
        tone = tone + SH_C1 * (to[2] * sh[n, 2] - to[1] * sh[n, 1] - to[0] * sh[n, 3])
    colors[i] = tone
    if z >= NEAR:
        spread = wp.vec3(wp.exp(scales[n][0]), wp.exp(scales[n][1]), wp.exp(scales[n][2]))
        half = turn * rotation(quats[n])
        row_x = wp.vec3(view[0, 0], view[0, 1], view[0, 2])
        row_y = wp.vec3(view[1, 0], view[1, 1], view[1, 2])
        row_z = wp.vec3(view[2, 0], view[2, 1], view[2, 2])
        across = (lens.fx / z) * row_x - (lens.fx * x / (z * z)) * row_z
        down = (lens.fy / z) * row_y - (lens.fy * y / (z * z)) * row_z
        u = wp.cw_mul(wp.transpose(half) * across, spread)
        v = wp.cw_mul(wp.transpose(half) * down, spread)
        a = wp.dot(u, u) + LOW_PASS
        b = wp.dot(u, v)
        c = wp.dot(v, v) + LOW_PASS
        determinant = a * c - b * b
        centres[i] = wp.vec2(lens.fx * x / z + lens.cx, lens.fy * y / z + lens.cy)
        conics[i] = wp.vec3(c / determinant, -b / determinant, a / determinant)
    else:
        centres[i] = wp.vec2(0.0, 0.0)
        conics[i] = wp.vec3(0.0, 0.0, 0.0)  # not drawn: no tile is spanned


@wp.kernel(enable_backward=False)
def note_pull(
    frames: int, by_centres: wp.array(dtype=wp.vec2), pull: wp.array(dtype=float), seen: wp.array(dtype=float)
):
    """Add to how hard the loss pulls each Gaussian across the screen, and in how many frames it does."""
    n = wp.tid()
    for f in range(frames):
        strength = wp.length(by_centres[f * pull.shape[0] + n])
        if strength > 0.0:
            pull[n] += strength
            seen[n] += 1.0
