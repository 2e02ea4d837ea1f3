"""A training run's settings: they are the command line, and are saved beside the result."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

# share of the learning rates at the end: held-out pictures gain .3 dB, and lips follow their units closer
SETTLING = 0.05
# with lips from the sound, LMD falls by 1 % and the mouth gains .2 to .4 dB; with tracked ones it loses as much
UNIT_NOISE = 0.25


@dataclass(frozen=True)
class TrainSettings:
    """Learning rates are Adam's."""

    steps: int = 8000
    """how often the Gaussians are changed"""
    batch: int = 1
    """frames looked at before each change; a GPU takes them at once"""
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
    ssim_weight: float = 0.2
    """share of the structural term in the loss (Kerbl et al. 2023, eq. 7)"""
    unit_noise: float = 0.0
    """noise on the frames' face units, as a share of each unit's spread: what the tracker found is not exact, and a
    face that hangs on every digit of it looks worse in any other motion"""
    shade_weight: float = 0.3
    """pull of the units' effect on colour towards none"""
    lr_final: float = 1.0
    """what all learning rates fall to in the second half of the run, as a share: pictures settle"""
    lr_means: float = 4e-5
    """metres; falls to a tenth over the run besides"""
    lr_scales: float = 4e-3
    lr_quats: float = 1e-3
    lr_opacities: float = 3e-2
    lr_sh: float = 2.5e-3
    lr_shade: float = 1e-3
    """of the units' effect on colour (`shade`)"""
    lr_basis: float = 0.0
    """of the units' displacements, metres; 0: they stay as the tracked face gave them"""
    sh_degree: int = 1
    """of the colour's dependence on the direction"""
    eval_every: int = 1000
    """steps between looks at the held-out frames, with a preview"""
    checkpoint_every: int = 500
    """steps between checkpoints"""

    def goes_on_from(self, saved: dict[str, Any]) -> bool:
        """Whether these are the settings that were saved. How many frames are looked at at once may differ: a training
        that began on a card may go on without one."""
        return {**saved, "batch": 0} == {**asdict(self), "batch": 0}


@dataclass(frozen=True)
class Preset:
    """Settings of the three stages of a person's training (paper: two branches, then fuse). held_out: the share of
    the video, its end, that is never trained on. card_batch: frames that a card looks at in a step, for which it takes
    hardly longer than for one."""

    mouth: TrainSettings
    face: TrainSettings
    fuse: TrainSettings
    held_out: float = 0.2
    card_batch: int = 4

    def on_card(self) -> Preset:
        """With several frames at once in every stage, as a card takes them."""
        stages = {name: getattr(self, name) for name in ("mouth", "face", "fuse")}
        more = {name: replace(stage, batch=self.card_batch) for name, stage in stages.items()}
        return replace(self, **more)


_MOUTH = TrainSettings(
    steps=600,
    max_gaussians=4000,
    densify_from=200,
    densify_until=400,
    densify_every=100,
    densify_share=0.1,
    ssim_weight=0.0,
    lr_final=SETTLING,
    unit_noise=UNIT_NOISE,
    eval_every=10**9,
    checkpoint_every=200,
)
_FACE = TrainSettings(
    steps=2000,
    max_gaussians=28_000,
    densify_from=400,
    densify_until=1600,
    densify_every=300,
    densify_share=0.08,
    lr_final=SETTLING,
    unit_noise=UNIT_NOISE,
    eval_every=500,
    checkpoint_every=250,
)
_FUSE = TrainSettings(
    steps=1000,
    max_gaussians=30_000,
    densify_from=10**9,
    densify_until=0,
    lr_final=SETTLING,
    unit_noise=UNIT_NOISE,
    lr_means=1e-5,
    lr_basis=2e-5,
    eval_every=500,
    checkpoint_every=250,
)

PRESETS: dict[str, Preset] = {
    "draft": Preset(_MOUTH, _FACE, _FUSE),
    "standard": Preset(
        replace(_MOUTH, steps=1500),
        replace(_FACE, steps=7000, densify_until=4500, max_gaussians=36_000, eval_every=1000),
        replace(_FUSE, steps=3000, max_gaussians=38_000, eval_every=1000),
    ),
    "high": Preset(
        replace(_MOUTH, steps=3000),
        replace(_FACE, steps=10_000, densify_until=6000, max_gaussians=60_000, eval_every=2000),
        replace(_FUSE, steps=5000, max_gaussians=60_000, eval_every=1000),
        card_batch=8,
    ),
}
