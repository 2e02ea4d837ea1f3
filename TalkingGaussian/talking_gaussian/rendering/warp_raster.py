"""Drawing sorted lists of splats on an NVIDIA card, and their gradients: a block of 256 threads a tile, one a pixel.

The block brings the next 256 splats of its tile's list into its shared memory, each thread one, and every thread walks
them front to back (Kerbl et al. 2023, section 6). On the CPU, where Warp runs one thread at a time, a block brings one
splat at a time; the rest is the same code.
"""

# mypy: ignore-errors
# (the annotations of kernels are values, arrays of a type and so on, which mypy takes for mistakes)
# Warp reads the annotations of kernels as they are: no `from __future__ import annotations` here

import warp as wp

from talking_gaussian.rendering import constants
from talking_gaussian.rendering.warp_kernels import ALPHA_MIN, TILE, TILE_PIXELS, Lens

ALPHA_MAX = wp.constant(float(constants.ALPHA_MAX))
TRANSMITTANCE_MIN = wp.constant(float(constants.TRANSMITTANCE_MIN))
TOO_FAINT = wp.constant(1.0e-3)  # below the faintest that is drawn, in the log: not worth working out

wp.set_module_options({"enable_backward": False, "fast_math": True})


@wp.func_native(
    """
#if defined(__CUDA_ARCH__)
    return 256;
#else
    return 1;
#endif
"""
)
def shelf_length() -> int:
    """How many splats a block brings at once: one a thread."""
    ...


@wp.func_native(
    """
#if defined(__CUDA_ARCH__)
    return threadIdx.x;
#else
    return 0;
#endif
"""
)
def place_in_block() -> int:
    """This thread's number in its block."""
    ...


@wp.func_native(
    """
#if defined(__CUDA_ARCH__)
    __shared__ float4 splats[3 * 256];
#else
    static float splats[12];
#endif
    return reinterpret_cast<wp::uint64>(splats);
"""
)
def shelf() -> wp.uint64:
    """Where the block keeps the splats it brought."""
    ...


@wp.func_native(
    """
#if defined(__CUDA_ARCH__)
    float4* splats = reinterpret_cast<float4*>(shelf) + 3 * place;
    splats[0] = make_float4(centre[0], centre[1], opacity, faintest);
    splats[1] = make_float4(conic[0], conic[1], conic[2], 0.0f);
    splats[2] = make_float4(color[0], color[1], color[2], 0.0f);
#else
    float* splats = reinterpret_cast<float*>(shelf);
    splats[0] = centre[0], splats[1] = centre[1], splats[2] = opacity, splats[3] = faintest;
    splats[4] = conic[0], splats[5] = conic[1], splats[6] = conic[2];
    splats[8] = color[0], splats[9] = color[1], splats[10] = color[2];
#endif
"""
)
def lay(
    shelf: wp.uint64,
    place: int,
    centre: wp.vec2,
    opacity: float,
    faintest: float,
    conic: wp.vec3,
    color: wp.vec3,
):
    """Put a splat on the shelf."""
    ...


@wp.func_native(
    """
#if defined(__CUDA_ARCH__)
    const float4 four = reinterpret_cast<const float4*>(shelf)[3 * place + part];
    return wp::vec_t<4, float>(four.x, four.y, four.z, four.w);
#else
    const float* four = reinterpret_cast<const float*>(shelf) + 4 * part;
    return wp::vec_t<4, float>(four[0], four[1], four[2], four[3]);
#endif
"""
)
def taken(shelf: wp.uint64, place: int, part: int) -> wp.vec4:
    """A part of a splat on the shelf: 0 (x, y, opacity, log of the faintest value), 1 (conic a b c), 2 (r g b)."""
    ...


@wp.func_native(
    """
#if defined(__CUDA_ARCH__)
    __syncthreads();
#endif
"""
)
def meet():
    """Wait for all threads of the block, all of which must come here."""
    ...


@wp.func_native(
    """
#if defined(__CUDA_ARCH__)
    return __syncthreads_or(mine) != 0;
#else
    return mine;
#endif
"""
)
def any_of_block(mine: bool) -> bool:
    """Wait for all threads of the block; whether it holds for any of them."""
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
    return (threadIdx.x & 31) == 0;
#else
    return true;
#endif
"""
)
def first_lane() -> bool:
    """Whether this thread speaks for the 32 that a card runs in step."""
    ...


@wp.func
def pixel_of(thread: int, lens: Lens):
    """Thread -> (column, row, tile, frame): a block's threads share a tile; 32 in step are 8 columns by 4 rows."""
    block = thread // TILE_PIXELS
    place = thread - block * TILE_PIXELS
    tiles = lens.columns * lens.rows
    frame = block // tiles
    tile = block - frame * tiles
    row = tile // lens.columns
    column = tile - row * lens.columns
    step, lane = place // 32, place % 32
    x = column * TILE + (step % 2) * 8 + lane % 8
    y = row * TILE + (step // 2) * 4 + lane // 8
    return wp.vec4i(x, y, block, frame)


@wp.func
def bring(
    here: wp.uint64,
    start: int,
    last: int,
    order: wp.array(dtype=int),
    centres: wp.array(dtype=wp.vec2),
    conics: wp.array(dtype=wp.vec3),
    opacities: wp.array(dtype=float),
    colors: wp.array(dtype=wp.vec3),
):
    """The block's next splats onto its shelf; the threads may use them after they have met."""
    place = place_in_block()
    if start + place < last:
        i = order[start + place]
        opacity = opacities[i]
        faintest = wp.log(ALPHA_MIN / opacity) - TOO_FAINT
        lay(here, place, centres[i], opacity, faintest, conics[i], colors[i])


@wp.func
def power_at(dx: float, dy: float, conic: wp.vec4):
    """The log of a splat's share at (dx, dy) px from its centre."""
    return -0.5 * (conic[0] * dx * dx + conic[2] * dy * dy) - conic[1] * dx * dy


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
    """[frames, H, W] of (r, g, b premultiplied, transmittance), front to back."""
    at = pixel_of(wp.tid(), lens)
    within = bool(at[0] < lens.width and at[1] < lens.height)
    alive = bool(within)
    x, y = float(at[0]) + 0.5, float(at[1]) + 0.5
    rgb = wp.vec3(0.0, 0.0, 0.0)
    transmittance = float(1.0)  # noqa: UP018 (Warp: a literal cannot change in a loop)
    here, length = shelf(), shelf_length()
    last = lasts[at[2]]
    for start in range(firsts[at[2]], last, length):
        if not any_of_block(alive):
            break
        bring(here, start, last, order, centres, conics, opacities, colors)
        meet()
        for k in range(wp.min(length, last - start)):
            if not alive:
                break
            splat, conic = taken(here, k, 0), taken(here, k, 1)
            power = power_at(x - splat[0], y - splat[1], conic)
            if power > splat[3]:
                value = splat[2] * wp.exp(power)
                if value >= ALPHA_MIN:
                    weight = transmittance * wp.min(value, ALPHA_MAX)
                    color = taken(here, k, 2)
                    rgb += weight * wp.vec3(color[0], color[1], color[2])
                    transmittance -= weight
                    alive = transmittance >= TRANSMITTANCE_MIN
    if within:
        canvas[at[3], at[1], at[0]] = wp.vec4(rgb[0], rgb[1], rgb[2], transmittance)


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
    x, y = float(at[0]) + 0.5, float(at[1]) + 0.5
    g = wp.vec4(0.0, 0.0, 0.0, 0.0)
    rest = float(0.0)  # noqa: UP018 (Warp: a literal cannot change in a loop)
    if alive:
        g = pull[at[3], at[1], at[0]]
        rest = wp.dot(canvas[at[3], at[1], at[0]], g)
    transmittance = float(1.0)  # noqa: UP018
    here, length = shelf(), shelf_length()
    last = lasts[at[2]]
    for start in range(firsts[at[2]], last, length):
        if not any_of_block(alive):
            break
        bring(here, start, last, order, centres, conics, opacities, colors)
        meet()
        for k in range(wp.min(length, last - start)):
            splat, conic = taken(here, k, 0), taken(here, k, 1)
            dx, dy = x - splat[0], y - splat[1]
            power = power_at(dx, dy, conic)
            drawn = bool(alive and power > splat[3])
            if any_lane(drawn):
                weight = float(0.0)  # noqa: UP018
                by_power = float(0.0)  # noqa: UP018
                if drawn:
                    value = splat[2] * wp.exp(power)
                    if value >= ALPHA_MIN:
                        alpha = wp.min(value, ALPHA_MAX)
                        weight = transmittance * alpha
                        color = taken(here, k, 2)
                        shade = color[0] * g[0] + color[1] * g[1] + color[2] * g[2]
                        rest -= weight * shade
                        if value < ALPHA_MAX:
                            by_power = (transmittance * shade - rest / (1.0 - alpha)) * value
                        transmittance -= weight
                        alive = transmittance >= TRANSMITTANCE_MIN
                red, green, blue = lanes_sum(weight * g[0]), lanes_sum(weight * g[1]), lanes_sum(weight * g[2])
                whole = lanes_sum(by_power)
                along, across = lanes_sum(by_power * dx), lanes_sum(by_power * dy)
                a, b = lanes_sum(by_power * dx * dx), lanes_sum(by_power * dx * dy)
                c = lanes_sum(by_power * dy * dy)
                if first_lane():
                    i = order[start + k]
                    wp.atomic_add(by_colors, i, wp.vec3(red, green, blue))
                    wp.atomic_add(by_opacities, i, whole / splat[2])
                    wp.atomic_add(
                        by_centres,
                        i,
                        wp.vec2(conic[0] * along + conic[1] * across, conic[1] * along + conic[2] * across),
                    )
                    wp.atomic_add(by_conics, i, wp.vec3(-0.5 * a, -b, -0.5 * c))
            if not any_lane(alive):
                break
