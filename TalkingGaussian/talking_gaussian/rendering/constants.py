"""Numbers every backend shares, so that they draw the same picture."""

ALPHA_MIN = 1 / 255  # a splat fainter than this at a pixel is not drawn there
ALPHA_MAX = 0.99  # one splat never hides all behind it: keeps 1 / (1 - alpha) finite in the backward pass
TRANSMITTANCE_MIN = 1e-3  # a pixel of which less than this is left is finished: a quarter of a grey level
LOW_PASS = 0.3  # px^2 added to the screen covariance so that no splat falls between pixels (EWA, Zwicker 2001)
NEAR = 0.05  # metres; nearer Gaussians are not drawn
