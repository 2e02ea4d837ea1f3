"""A CosyVoice model folder of a few megabytes with random weights: everything upstream's loader opens, nothing it says.

python make_tiny_cosyvoice.py SOURCE FOLDER --version 2     in the cosyvoice environment's cloning part
SOURCE: CosyVoice's code. The yaml is upstream's own with smaller numbers; weights come from the modules it builds, so
loading is as strict as with real ones. The language model is biased to stop as soon as upstream lets it (two speech
tokens for each text token): a test takes seconds.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

import numpy as np
import torch

WIDTH = 64  # of the language model
VOCABULARY = 151_643  # so that <|endofprompt|> gets the number that CosyVoice 3 looks for
SMALLER = {
    1: [
        (r"text_encoder_input_size: 512", "text_encoder_input_size: 64"),
        (r"llm_(in|out)put_size: 1024", rf"llm_\1put_size: {WIDTH}"),
        (r"output_size: 1024\n(\s+)attention_heads: 16\n\s+linear_units: 4096\n\s+num_blocks: 6",
         rf"output_size: {WIDTH}\n\1attention_heads: 4\n\1linear_units: 64\n\1num_blocks: 1"),
        (r"attention_heads: 16\n(\s+)linear_units: 4096\n\s+num_blocks: 14",
         r"attention_heads: 4\n\1linear_units: 64\n\1num_blocks: 1"),
        (r"input_size: 512\n(\s+)output_size: 80", r"input_size: 64\n\1output_size: 80"),
        (r"output_size: 512\n(\s+)attention_heads: 8\n\s+linear_units: 2048\n\s+num_blocks: 6",
         r"output_size: 64\n\1attention_heads: 4\n\1linear_units: 64\n\1num_blocks: 1"),
        (r"input_size: 512\n(\s+)use_cnn", r"input_size: 64\n\1use_cnn"),
        (r"channels: \[256, 256\]", "channels: [64, 64]"),
    ],
    2: [
        (r"llm_(in|out)put_size: 896", rf"llm_\1put_size: {WIDTH}"),
        (r"linear_units: 2048\n(\s+)num_blocks: 6", r"linear_units: 64\n\1num_blocks: 1"),
        (r"channels: \[256\]", "channels: [64]"),
    ],
    3: [
        (r"llm_(in|out)put_size: 896", rf"llm_\1put_size: {WIDTH}"),
        (r"channels: 1024", "channels: 64"),
        (r"dim: 1024\n(\s+)depth: 22\n(\s+)heads: 16", r"dim: 128\n\1depth: 1\n\2heads: 2"),
    ],
}  # fmt: skip
ALWAYS = [
    (r"n_blocks: 4", "n_blocks: 1"),
    (r"num_mid_blocks: 12", "num_mid_blocks: 1"),
    (r"num_heads: 8", "num_heads: 2"),
    (r"base_channels: 512", "base_channels: 64"),
    (r"cond_channels: 512", "cond_channels: 64"),
]


# --- ONNX without its package: a protocol-buffer message is a row of tagged fields ----------------------------------


def varint(number: int) -> bytes:
    """A whole number as protocol buffers write it."""
    parts = bytearray()
    while True:
        parts.append((number & 0x7F) | (0x80 if number > 0x7F else 0))
        number >>= 7
        if not number:
            return bytes(parts)


def field(number: int, value: int | bytes | str) -> bytes:
    """One field: a whole number, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def node(kind: str, inputs: list[str], output: str, **attributes: int | list[int]) -> bytes:
    """An operator with whole-number attributes."""
    parts = [field(1, name) for name in inputs] + [field(2, output), field(4, kind)]
    for name, value in attributes.items():
        if isinstance(value, list):
            body = field(1, name) + b"".join(field(8, item) for item in value) + field(20, 7)
        else:
            body = field(1, name) + field(3, value) + field(20, 2)
        parts.append(field(5, body))
    return b"".join(parts)


def tensor(name: str, array: np.ndarray) -> bytes:
    """A constant: float32, int64 or int32."""
    kind = {"float32": 1, "int32": 6, "int64": 7}[array.dtype.name]
    dims = b"".join(field(1, size) for size in array.shape)
    return dims + field(2, kind) + field(8, name) + field(9, array.tobytes())


def value(name: str, kind: int, shape: list[int | str]) -> bytes:
    """An input or output of a graph; a text in the shape: of any size."""
    sizes = b"".join(field(1, field(1, size) if isinstance(size, int) else field(2, size)) for size in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, sizes)))


def write_model(
    path: Path, nodes: list[bytes], constants: list[bytes], inputs: list[bytes], outputs: list[bytes]
) -> None:
    """A whole ONNX file of operator set 13."""
    parts = [(1, nodes), (5, constants), (11, inputs), (12, outputs)]
    graph = b"".join(field(number, body) for number, bodies in parts for body in bodies) + field(2, "tiny")
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13)))


def write_speech_tokenizer(path: Path, stride: int, tokens: int) -> None:
    """(mel [1, 128, T], length) -> speech tokens [1, T / stride], by the mean of every stride-th frame."""
    nodes = [
        node("ReduceMean", ["feats"], "mean", axes=[1], keepdims=0),
        node("Slice", ["mean", "start", "end", "axis", "step"], "few"),
        node("Mul", ["few", "scale"], "wide"),
        node("Abs", ["wide"], "size"),
        node("Cast", ["size"], "whole", to=7),
        node("Mod", ["whole", "count"], "indices"),
    ]
    whole = {"start": 0, "end": 2**31, "axis": 1, "step": stride, "count": tokens}
    constants = [tensor(name, np.array([number], np.int64)) for name, number in whole.items()]
    constants.append(tensor("scale", np.array([977.0], np.float32)))
    inputs = [value("feats", 1, [1, 128, "T"]), value("feats_length", 6, [1])]
    write_model(path, nodes, constants, inputs, [value("indices", 7, [1, "N"])])


def write_speaker_encoder(path: Path) -> None:
    """Filter banks [1, T, 80] -> embedding [1, 192]."""
    weights = np.random.default_rng(1).normal(size=(80, 192)).astype(np.float32)
    nodes = [node("ReduceMean", ["input"], "mean", axes=[1], keepdims=0), node("MatMul", ["mean", "weights"], "output")]
    inputs, outputs = [value("input", 1, [1, "T", 80])], [value("output", 1, [1, 192])]
    write_model(path, nodes, [tensor("weights", weights)], inputs, outputs)


# --- the language model's own folder ----------------------------------------------------------------------------------


def write_qwen(folder: Path) -> None:
    """CosyVoice-BlankEN: a two-layer Qwen2 and a tokenizer of single bytes."""
    from transformers import Qwen2Config, Qwen2ForCausalLM
    from transformers.models.qwen2.tokenization_qwen2 import bytes_to_unicode

    folder.mkdir(parents=True)
    symbols = list(bytes_to_unicode().values())
    words = {
        word: index for index, word in enumerate([*symbols, *(f"<u{n}>" for n in range(len(symbols), VOCABULARY))])
    }
    (folder / "vocab.json").write_text(json.dumps(words), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    facts = {"tokenizer_class": "Qwen2Tokenizer", "unk_token": "<|endoftext|>", "model_max_length": 32768}
    (folder / "tokenizer_config.json").write_text(json.dumps(facts))
    config = Qwen2Config(
        vocab_size=VOCABULARY + 293,
        hidden_size=WIDTH,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=True,
    )
    Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)


def make_it_stop(llm: torch.nn.Module) -> None:
    """Bias the language model: the one stop token that upstream holds back at first wins, the others never do.

    One place of every embedding is large, so that the last hidden state has it large too; the decoder's rows read it.
    """
    stop = llm.speech_token_size
    with torch.no_grad():
        for module in llm.modules():
            if isinstance(module, torch.nn.Embedding):
                module.weight.normal_(0, 0.05)
                module.weight[:, 0] = 10.0
        decoder = llm.llm_decoder
        decoder.weight.normal_(0, 0.02)
        decoder.weight[stop + 1 :] = 0.0
        if decoder.bias is not None:
            decoder.bias.zero_()
            decoder.bias[stop], decoder.bias[stop + 1 :] = 30.0, -30.0
        else:
            decoder.weight[:, 0] = 0.0
            decoder.weight[stop, 0], decoder.weight[stop + 1 :, 0] = 4.0, -4.0


# --- the whole folder -------------------------------------------------------------------------------------------------


def make(source: Path, folder: Path, version: int, seed: int = 7) -> None:
    """Write the model folder."""
    sys.path[:0] = [str(source), str(source / "third_party" / "Matcha-TTS")]
    from hyperpyyaml import load_hyperpyyaml

    folder.mkdir(parents=True)
    name = "cosyvoice" if version == 1 else f"cosyvoice{version}"
    text = (source / "examples" / "libritts" / name / "conf" / f"{name}.yaml").read_text(encoding="utf-8")
    for pattern, smaller in [*SMALLER[version], *ALWAYS]:
        text = re.sub(pattern, smaller, text)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    torch.manual_seed(seed)
    overrides = {}
    if version > 1:
        write_qwen(folder / "CosyVoice-BlankEN")
        overrides["qwen_pretrain_path"] = str(folder / "CosyVoice-BlankEN")
    parts = load_hyperpyyaml(text, overrides=overrides)
    torch.manual_seed(seed)
    make_it_stop(parts["llm"])
    for part in ("llm", "flow", "hift"):
        torch.save(parts[part].state_dict(), folder / f"{part}.pt")
    write_speech_tokenizer(
        folder / f"speech_tokenizer_v{version}.onnx", 2 if version == 1 else 4, 4096 if version == 1 else 6561
    )
    write_speaker_encoder(folder / "campplus.onnx")
    torch.save({"anna": {"embedding": torch.randn(1, 192)}}, folder / "spk2info.pt")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", type=int, choices=(1, 2, 3), default=2)
    options = parser.parse_args()
    make(options.source.absolute(), options.folder, options.version)
    print(f"{sum(path.stat().st_size for path in options.folder.rglob('*') if path.is_file()) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
