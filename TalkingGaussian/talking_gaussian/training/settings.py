"""A training run's settings: they are the command line, and are saved beside the result."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainSettings:
    """Learning rates are Adam's; steps see one frame each."""

    steps: int = 8000
    """how many frames are looked at in all"""
    seed: int = 0
    """of the frames' order and the backdrops"""
    max_gaussians: int = 40_000
    """densification stops here, and the faintest beyond it are dropped"""
    densify_from: int = 500
    """first step at which Gaussians are added or dropped"""
    densify_until: int = 5000
    """last such step"""
    densify_every: int = 500
    """steps between"""
    densify_share: float = 0.04
    """share of the Gaussians that is split each time: those whose place on the screen the loss pulls at most"""
    prune_opacity: float = 0.02
    """fainter Gaussians are dropped"""
    min_contribution: float = 0.1
    """at the end, Gaussians that never cover more than this many pixels' worth in any frame are dropped"""
    mouth_weight: float = 4.0
    """how much more a pixel of the mouth counts than another"""
    ssim_weight: float = 0.2
    """share of the structural term in the loss (Kerbl et al. 2023, eq. 7)"""
    shade_weight: float = 0.3
    """pull of the units' effect on colour towards none"""
    lr_means: float = 4e-5
    """metres; falls to a tenth over the run"""
    lr_scales: float = 4e-3
    lr_quats: float = 1e-3
    lr_opacities: float = 3e-2
    lr_sh: float = 2.5e-3
    lr_shade: float = 1e-3
    """of the units' effect on colour (`shade`)"""
    sh_degree: int = 1
    """of the colour's dependence on the direction"""
    eval_every: int = 1000
    """steps between looks at the held-out frames, checkpoints and previews"""
