# SPDX-License-Identifier: Apache-2.0
"""Makes a Llama of 2 layers with random weights, the same ones every time, and a LoRA adapter of it.

usage: make_tiny_model.py TOKENIZER_DIRECTORY OUT      Makes OUT/model and OUT/adapter.
"""

import json
import pathlib
import shutil
import sys

import torch
from safetensors.torch import save_file

VOCABULARY, HIDDEN, INNER, LAYERS, HEADS, RANK = 2048, 64, 128, 2, 2, 8
random = torch.Generator().manual_seed(1)


def matrix(rows: int, columns: int, scale: float = 0.1) -> torch.Tensor:
    return torch.randn(rows, columns, generator=random) * scale


def write(folder: pathlib.Path, name: str, value: object) -> None:
    (folder / name).write_text(json.dumps(value, indent=1) + "\n")


def make_model(folder: pathlib.Path) -> None:
    # So large that the next token is one of many: an answer that says the same for ever shows nothing.
    weights = {"model.embed_tokens.weight": matrix(VOCABULARY, HIDDEN, 1.0), "lm_head.weight": matrix(VOCABULARY, HIDDEN, 1.0)}
    weights["model.norm.weight"] = torch.ones(HIDDEN)
    for layer in range(LAYERS):
        at = f"model.layers.{layer}"
        for name in ("input_layernorm", "post_attention_layernorm"):
            weights[f"{at}.{name}.weight"] = torch.ones(HIDDEN)
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            weights[f"{at}.self_attn.{name}.weight"] = matrix(HIDDEN, HIDDEN)
        for name, shape in (("gate_proj", (INNER, HIDDEN)), ("up_proj", (INNER, HIDDEN)), ("down_proj", (HIDDEN, INNER))):
            weights[f"{at}.mlp.{name}.weight"] = matrix(*shape)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    tokens = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    write(folder, "config.json", {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "float32",
        "hidden_size": HIDDEN, "intermediate_size": INNER, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS, "head_dim": HIDDEN // HEADS, "vocab_size": VOCABULARY, "max_position_embeddings": 2048,
        "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": False, **tokens,
    })
    write(folder, "generation_config.json", {**tokens, "eos_token_id": [2, 4]})


def make_adapter(folder: pathlib.Path) -> None:
    targets = ("q_proj", "v_proj")
    weights = {}
    for layer in range(LAYERS):
        for name in targets:
            at = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            weights[f"{at}.lora_A.weight"] = matrix(RANK, HIDDEN)
            weights[f"{at}.lora_B.weight"] = matrix(HIDDEN, RANK)
    save_file(weights, folder / "adapter_model.safetensors")
    write(folder, "adapter_config.json", {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "tiny", "r": RANK, "lora_alpha": 2 * RANK,
        "lora_dropout": 0.0, "bias": "none", "target_modules": targets, "inference_mode": True, "fan_in_fan_out": False,
        "modules_to_save": None,
    })


def main(tokenizer: pathlib.Path, out: pathlib.Path) -> None:
    model, adapter = out / "model", out / "adapter"
    adapter.mkdir(parents=True)
    shutil.copytree(tokenizer, model)
    make_model(model)
    make_adapter(adapter)


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
