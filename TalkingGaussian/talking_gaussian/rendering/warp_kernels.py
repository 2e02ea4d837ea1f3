"""The kernels that draw on an NVIDIA card, in Warp (which also runs them on the CPU, one thread, for tests).

Method: EWA splatting (Zwicker et al. 2001) with the alpha compositing of 3D Gaussian Splatting (Kerbl et al. 2023,
eq. 3) and its order of work (section 6 there): project, list each Gaussian in the tiles it touches, sort the lists by
tile and depth at once, then one thread a pixel walks its tile's list front to back. Several frames are drawn together:
frame f's tile t has the number f * tiles + t, so one sort serves all of them.
"""

# mypy: ignore-errors
# (the annotations of kernels are values, arrays of a type and so on, which mypy takes for mistakes)
# Warp reads the annotations of kernels as they are: no `from __future__ import annotations` here

import warp as wp

from talking_gaussian.rendering import constants

TILE = wp.constant(16)  # px
TILE_PIXELS = 256
DEPTH_STEPS = wp.constant(1.0e7)  # a metre in steps of the sort's key: 0.1 micrometres, 214 m in 31 bits
DEPTH_MOST = wp.constant(2.0e9)
NEAR = wp.constant(float(constants.NEAR))
LOW_PASS = wp.constant(float(constants.LOW_PASS))
ALPHA_MIN = wp.constant(float(constants.ALPHA_MIN))
ALPHA_MAX = wp.constant(float(constants.ALPHA_MAX))
TRANSMITTANCE_MIN = wp.constant(float(constants.TRANSMITTANCE_MIN))

wp.config.log_level = wp.LOG_WARNING  # no banner among a job's lines
wp.set_module_options({"enable_backward": False})  # the gradient is written by hand below


@wp.struct
class Lens:
    """fx, fy, cx, cy: px. width, height: px. columns, rows: tiles."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int
    columns: int
    rows: int


@wp.func
def covariance_along(covariances: wp.array2d(dtype=float), i: int, v: wp.vec3):
    """Covariance i (xx xy xz yy yz zz) times v."""
    xx, xy, xz = covariances[i, 0], covariances[i, 1], covariances[i, 2]
    yy, yz, zz = covariances[i, 3], covariances[i, 4], covariances[i, 5]
    return wp.vec3(
        xx * v[0] + xy * v[1] + xz * v[2], xy * v[0] + yy * v[1] + yz * v[2], xz * v[0] + yz * v[1] + zz * v[2]
    )


@wp.func
def tile_span(middle: float, half: float, tiles: int):
    """First tile and the one after the last that middle +- half (px) touches."""
    first = wp.clamp(wp.floor((middle - half - 0.5) / float(TILE)), 0.0, float(tiles))
    last = wp.clamp(wp.floor((middle + half + 0.5) / float(TILE)) + 1.0, 0.0, float(tiles))
    return wp.vec2i(int(first), int(last))


@wp.kernel
def project(
    means: wp.array(dtype=wp.vec3),
    covariances: wp.array2d(dtype=float),
    opacities: wp.array(dtype=float),
    view: wp.mat44,
    lens: Lens,
    centres: wp.array(dtype=wp.vec2),
    conics: wp.array(dtype=wp.vec3),
    depths: wp.array(dtype=float),
    spans: wp.array(dtype=wp.vec4i),
    counts: wp.array(dtype=int),
):
    """Splats to screen: centres [px], conics (a, b, c of the inverse covariance), depths [m], tiles touched.

    The covariance follows the camera's linearisation: J R S R^T J^T + low pass (Zwicker et al. 2001, eqs. 29-31).
    """
    i = wp.tid()
    counts[i] = 0
    seen = wp.transform_point(view, means[i])
    x, y, z = seen[0], seen[1], seen[2]
    opacity = opacities[i]
    if z < NEAR or opacity <= ALPHA_MIN:
        return
    row_x = wp.vec3(view[0, 0], view[0, 1], view[0, 2])
    row_y = wp.vec3(view[1, 0], view[1, 1], view[1, 2])
    row_z = wp.vec3(view[2, 0], view[2, 1], view[2, 2])
    across = (lens.fx / z) * row_x - (lens.fx * x / (z * z)) * row_z
    down = (lens.fy / z) * row_y - (lens.fy * y / (z * z)) * row_z
    spread_across = covariance_along(covariances, i, across)
    a = wp.dot(across, spread_across) + LOW_PASS
    b = wp.dot(down, spread_across)
    c = wp.dot(down, covariance_along(covariances, i, down)) + LOW_PASS
    determinant = a * c - b * b
    if not determinant > 0.0:  # false for NaN too
        return
    reach = 2.0 * wp.log(opacity / ALPHA_MIN)
    centre = wp.vec2(lens.fx * x / z + lens.cx, lens.fy * y / z + lens.cy)
    over_x = tile_span(centre[0], wp.sqrt(reach * a), lens.columns)
    over_y = tile_span(centre[1], wp.sqrt(reach * c), lens.rows)
    centres[i] = centre
    conics[i] = wp.vec3(c, -b, a) / determinant
    depths[i] = z
    spans[i] = wp.vec4i(over_x[0], over_x[1], over_y[0], over_y[1])
    counts[i] = (over_x[1] - over_x[0]) * (over_y[1] - over_y[0])


@wp.kernel
def span_tiles(
    centres: wp.array(dtype=wp.vec2),
    conics: wp.array(dtype=wp.vec3),
    opacities: wp.array(dtype=float),
    depths: wp.array(dtype=float),
    lens: Lens,
    spans: wp.array(dtype=wp.vec4i),
    counts: wp.array(dtype=int),
):
    """Tiles touched by splats that were projected already (training projects with torch, which keeps the gradient)."""
    i = wp.tid()
    counts[i] = 0
    conic = conics[i]
    determinant = conic[0] * conic[2] - conic[1] * conic[1]
    if not (determinant > 0.0 and depths[i] >= NEAR and opacities[i] > ALPHA_MIN):
        return
    reach = 2.0 * wp.log(opacities[i] / ALPHA_MIN)
    over_x = tile_span(centres[i][0], wp.sqrt(reach * conic[2] / determinant), lens.columns)
    over_y = tile_span(centres[i][1], wp.sqrt(reach * conic[0] / determinant), lens.rows)
    spans[i] = wp.vec4i(over_x[0], over_x[1], over_y[0], over_y[1])
    counts[i] = (over_x[1] - over_x[0]) * (over_y[1] - over_y[0])


@wp.kernel
def list_tiles(
    depths: wp.array(dtype=float),
    spans: wp.array(dtype=wp.vec4i),
    counts: wp.array(dtype=int),
    ends: wp.array(dtype=int),
    gaussians: int,
    lens: Lens,
    room: int,
    keys: wp.array(dtype=wp.int64),
    order: wp.array(dtype=int),
):
    """One (tile, depth) key for each tile that a splat touches, as far as there is room; ends: inclusive sums of
    counts."""
    i = wp.tid()
    if counts[i] == 0:
        return
    place = ends[i] - counts[i]
    first_tile = (i // gaussians) * lens.columns * lens.rows
    depth = wp.int64(wp.min(depths[i] * DEPTH_STEPS, DEPTH_MOST))
    span = spans[i]
    for row in range(span[2], span[3]):
        for column in range(span[0], span[1]):
            if place < room:
                tile = wp.int64(first_tile + row * lens.columns + column)
                keys[place] = (tile << wp.int64(32)) + depth
                order[place] = i
            place += 1


@wp.kernel
def pad_keys(ends: wp.array(dtype=int), splats: int, after: wp.int64, keys: wp.array(dtype=wp.int64)):
    """Keys of places that no splat took: tile `after`, which is none."""
    k = wp.tid()
    if k >= ends[splats - 1]:
        keys[k] = after << wp.int64(32)


@wp.kernel
def mark_tiles(
    keys: wp.array(dtype=wp.int64),
    total: int,
    tiles: int,
    firsts: wp.array(dtype=int),
    lasts: wp.array(dtype=int),
):
    """Where each tile's list begins and ends among the sorted keys; tiles: how many there are."""
    k = wp.tid()
    tile = int(keys[k] >> wp.int64(32))
    if tile >= tiles:
        return
    if k == 0 or int(keys[wp.max(k - 1, 0)] >> wp.int64(32)) != tile:
        firsts[tile] = k
    if k == total - 1 or int(keys[wp.min(k + 1, total - 1)] >> wp.int64(32)) != tile:
        lasts[tile] = k + 1


@wp.func
def pixel_of(thread: int, lens: Lens):
    """Thread -> (column, row, tile of its frame, frame): 256 threads after each other share a tile, and so a list."""
    block = thread // TILE_PIXELS
    place = thread - block * TILE_PIXELS
    tiles = lens.columns * lens.rows
    frame = block // tiles
    tile = block - frame * tiles
    row = tile // lens.columns
    column = tile - row * lens.columns
    return wp.vec4i(column * TILE + place % TILE, row * TILE + place // TILE, block, frame)


@wp.func
def value_at(dx: float, dy: float, conic: wp.vec3, opacity: float):
    """A splat's coverage at (dx, dy) px from its centre."""
    return opacity * wp.exp(-0.5 * (conic[0] * dx * dx + conic[2] * dy * dy) - conic[1] * dx * dy)


@wp.func
def composite(
    x: float,
    y: float,
    first: int,
    last: int,
    order: wp.array(dtype=int),
    centres: wp.array(dtype=wp.vec2),
    conics: wp.array(dtype=wp.vec3),
    opacities: wp.array(dtype=float),
    colors: wp.array(dtype=wp.vec3),
):
    """Front to back over one tile's list -> (r, g, b premultiplied, transmittance)."""
    rgb = wp.vec3(0.0, 0.0, 0.0)
    transmittance = float(1.0)  # noqa: UP018 (Warp: a literal cannot change in a loop)
    for k in range(first, last):
        i = order[k]
        value = value_at(x - centres[i][0], y - centres[i][1], conics[i], opacities[i])
        if value >= ALPHA_MIN:
            weight = transmittance * wp.min(value, ALPHA_MAX)
            rgb += weight * colors[i]
            transmittance -= weight
            if transmittance < TRANSMITTANCE_MIN:
                break
    return wp.vec4(rgb[0], rgb[1], rgb[2], transmittance)


@wp.kernel
def draw_over(
    firsts: wp.array(dtype=int),
    lasts: wp.array(dtype=int),
    order: wp.array(dtype=int),
    centres: wp.array(dtype=wp.vec2),
    conics: wp.array(dtype=wp.vec3),
    opacities: wp.array(dtype=float),
    colors: wp.array(dtype=wp.vec3),
    lens: Lens,
    plates: wp.array4d(dtype=wp.uint8),
    frames: wp.array4d(dtype=wp.uint8),
):
    """Pictures [frames, H, W, 3] over the plates, one thread a pixel."""
    at = pixel_of(wp.tid(), lens)
    if at[0] >= lens.width or at[1] >= lens.height:
        return
    x, y = float(at[0]) + 0.5, float(at[1]) + 0.5
    drawn = composite(x, y, firsts[at[2]], lasts[at[2]], order, centres, conics, opacities, colors)
    for channel in range(3):
        behind = float(plates[at[3], at[1], at[0], channel])
        value = drawn[channel] * 255.0 + drawn[3] * behind + 0.5
        frames[at[3], at[1], at[0], channel] = wp.uint8(wp.clamp(value, 0.0, 255.0))


@wp.kernel
def draw_canvas(
    firsts: wp.array(dtype=int),
    lasts: wp.array(dtype=int),
    order: wp.array(dtype=int),
    centres: wp.array(dtype=wp.vec2),
    conics: wp.array(dtype=wp.vec3),
    opacities: wp.array(dtype=float),
    colors: wp.array(dtype=wp.vec3),
    lens: Lens,
    canvas: wp.array3d(dtype=wp.vec4),
):
    """[frames, H, W] of (r, g, b premultiplied, transmittance)."""
    at = pixel_of(wp.tid(), lens)
    if at[0] >= lens.width or at[1] >= lens.height:
        return
    x, y = float(at[0]) + 0.5, float(at[1]) + 0.5
    canvas[at[3], at[1], at[0]] = composite(
        x, y, firsts[at[2]], lasts[at[2]], order, centres, conics, opacities, colors
    )


@wp.func_native(
    """
#if defined(__CUDA_ARCH__)
    for (int step = 16; step > 0; step /= 2)
        value += __shfl_xor_sync(0xffffffffu, value, step);
#endif
    return value;
"""
)
def lanes_sum(value: float) -> float:
    """The sum over the 32 threads that a card runs in step, all of which must come here; on the CPU the one's own."""
    ...


@wp.func_native(
    """
#if defined(__CUDA_ARCH__)
    return __any_sync(0xffffffffu, mine) != 0;
#else
    return mine;
#endif
"""
)
def any_lane(mine: bool) -> bool:
    """Whether it holds for any of the 32 threads that a card runs in step, all of which must come here."""
    ...


@wp.func_native(
    """
#if defined(__CUDA_ARCH__)
    return (threadIdx.x & 31) == 0;
#else
    return true;
#endif
"""
)
def first_lane() -> bool:
    """Whether this thread speaks for the 32 that a card runs in step."""
    ...


@wp.kernel
def gradient(
    firsts: wp.array(dtype=int),
    lasts: wp.array(dtype=int),
    order: wp.array(dtype=int),
    centres: wp.array(dtype=wp.vec2),
    conics: wp.array(dtype=wp.vec3),
    opacities: wp.array(dtype=float),
    colors: wp.array(dtype=wp.vec3),
    lens: Lens,
    canvas: wp.array3d(dtype=wp.vec4),
    pull: wp.array3d(dtype=wp.vec4),
    by_centres: wp.array(dtype=wp.vec2),
    by_conics: wp.array(dtype=wp.vec3),
    by_opacities: wp.array(dtype=float),
    by_colors: wp.array(dtype=wp.vec3),
):
    """Gradients of a loss for each splat, added up over pixels.

    canvas: what draw_canvas drew; pull: dL/d(r, g, b, transmittance). Front to back, as numba_kernels.splat_backward,
    where the formula stands: behind a splat is what the pixel has in the end, less the colour so far. The 32 threads
    that run in step stay together to the end of their list and add up what they found before they write it.
    """
    at = pixel_of(wp.tid(), lens)
    alive = bool(at[0] < lens.width and at[1] < lens.height)
    g = wp.vec4(0.0, 0.0, 0.0, 0.0)
    rest = float(0.0)  # noqa: UP018 (Warp: a literal cannot change in a loop)
    if alive:
        g = pull[at[3], at[1], at[0]]
        rest = wp.dot(canvas[at[3], at[1], at[0]], g)
    transmittance = float(1.0)  # noqa: UP018
    for k in range(firsts[at[2]], lasts[at[2]]):
        i = order[k]
        conic = conics[i]
        dx, dy = float(at[0]) + 0.5 - centres[i][0], float(at[1]) + 0.5 - centres[i][1]
        value = value_at(dx, dy, conic, opacities[i])
        drawn = bool(alive and value >= ALPHA_MIN)
        if any_lane(drawn):
            weight = float(0.0)  # noqa: UP018
            by_power = float(0.0)  # noqa: UP018 (power: the log of the value)
            if drawn:
                alpha = wp.min(value, ALPHA_MAX)
                weight = transmittance * alpha
                shade = colors[i][0] * g[0] + colors[i][1] * g[1] + colors[i][2] * g[2]
                rest -= weight * shade
                if value < ALPHA_MAX:
                    by_power = (transmittance * shade - rest / (1.0 - alpha)) * value
                transmittance -= weight
                alive = transmittance >= TRANSMITTANCE_MIN
            red, green, blue = lanes_sum(weight * g[0]), lanes_sum(weight * g[1]), lanes_sum(weight * g[2])
            power = lanes_sum(by_power)
            along, across = lanes_sum(by_power * dx), lanes_sum(by_power * dy)
            a, b = lanes_sum(by_power * dx * dx), lanes_sum(by_power * dx * dy)
            c = lanes_sum(by_power * dy * dy)
            if first_lane():
                wp.atomic_add(by_colors, i, wp.vec3(red, green, blue))
                wp.atomic_add(by_opacities, i, power / opacities[i])
                wp.atomic_add(
                    by_centres, i, wp.vec2(conic[0] * along + conic[1] * across, conic[1] * along + conic[2] * across)
                )
                wp.atomic_add(by_conics, i, wp.vec3(-0.5 * a, -b, -0.5 * c))
        if not any_lane(alive):
            break
