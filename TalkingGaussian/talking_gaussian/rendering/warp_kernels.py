"""From Gaussians to each tile's list of splats on an NVIDIA card, in Warp (which also runs the kernels on the CPU, one
thread, for tests); warp_raster draws the lists.

Method: EWA splatting (Zwicker et al. 2001) with the alpha compositing of 3D Gaussian Splatting (Kerbl et al. 2023,
eq. 3) and its order of work (section 6 there): project, list each Gaussian in the tiles it touches, sort the lists by
tile and depth at once. Several frames are drawn together: frame f's tile t has the number f * tiles + t, so one sort
serves all of them.
"""

# mypy: ignore-errors
# (the annotations of kernels are values, arrays of a type and so on, which mypy takes for mistakes)
# Warp reads the annotations of kernels as they are: no `from __future__ import annotations` here

import warp as wp

from talking_gaussian.rendering import constants

TILE = wp.constant(16)  # px
TILE_PIXELS = 256  # threads of a block: one a pixel
DEPTH_STEPS = wp.constant(1.0e7)  # a metre in steps of the sort's key: 0.1 micrometres, 214 m in 31 bits
DEPTH_MOST = wp.constant(2.0e9)
NEAR = wp.constant(float(constants.NEAR))
LOW_PASS = wp.constant(float(constants.LOW_PASS))
ALPHA_MIN = wp.constant(float(constants.ALPHA_MIN))

wp.config.log_level = wp.LOG_WARNING  # no banner among a job's lines
wp.set_module_options({"enable_backward": False})


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
