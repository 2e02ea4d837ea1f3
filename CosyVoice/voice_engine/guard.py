"""A check of the cloning part that needs no weights: python -m voice_engine.guard

CosyVoice's language model decodes one token at a time with a mask of length one beside its cache. transformers from
4.53 on then hides the whole cache from it: nothing is raised, and the speech is garbled. So the cached step is compared
here with a whole pass of the same small random model. Exit code 1 where they differ.
"""

from __future__ import annotations

import sys

TOLERANCE = 1e-4


def cached_step_difference() -> float:
    """The largest difference of a hidden state between decoding with the cache and a whole pass, over eight tokens."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=64,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    model = Qwen2ForCausalLM(config).eval()
    given = torch.randn(1, 8, 64)
    with torch.inference_mode():
        whole = model(inputs_embeds=given, output_hidden_states=True).hidden_states[-1]
        cache, steps = None, []
        for i in range(given.shape[1]):
            out = model(
                inputs_embeds=given[:, i : i + 1],
                attention_mask=torch.ones(1, 1, dtype=torch.bool),
                output_hidden_states=True,
                use_cache=True,
                past_key_values=cache,
            )
            cache = out.past_key_values
            steps.append(out.hidden_states[-1])
    return float((torch.cat(steps, dim=1) - whole).abs().max())


def main() -> int:
    """Say whether CosyVoice would speak rightly here."""
    difference = cached_step_difference()
    if difference > TOLERANCE:
        print(f"error: this transformers makes CosyVoice speak garbled (cached step off by {difference:.2g})")
        return 1
    print(f"cached decoding agrees with a whole pass (difference {difference:.1g})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
