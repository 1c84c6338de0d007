# SPDX-License-Identifier: Apache-2.0
"""Trains the small tokenizers of tokenizers/: python make_tokenizers.py <repository>. See README.md."""

import json
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers, processors, trainers

HERE = Path(__file__).parent
QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA = QWEN.replace(r"\p{N}|", r"\p{N}{1,3}|", 1)
CHATML = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
HEADERS = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
INSTRUCTION = ["<unk>", "<s>", "</s>"]
TURNS = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
FOREIGN = json.loads((HERE / "texts.json").read_text()) * 20


def corpus(repository):
    files = [p for p in Path(repository).glob("docs/**/*.md")] + [
        p for p in Path(repository).glob("packages/*/src/*.ts") if ".test." not in p.name
    ]
    return [p.read_text() for p in sorted(files)] + FOREIGN


def save(name, tokenizer):
    text = json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":"))
    (HERE / "tokenizers" / f"{name}.json").write_text(text + "\n")


def bpe_trainer(size, special, **alphabet):
    return trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, show_progress=False, **alphabet
    )


def byte_level(texts, pattern, special, **model):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(texts, bpe_trainer(2500, special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    if model:
        plain = json.loads(t.to_str())
        plain["model"].update(model)
        t = Tokenizer.from_str(json.dumps(plain))
    return t


def with_bytes(texts, special):
    """BPE over characters whose unknown ones fall back to bytes, as SentencePiece models have it."""
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    t.train_from_iterator(texts, bpe_trainer(1500, special, limit_alphabet=300))
    plain = json.loads(t.to_str())
    vocab = plain["model"]["vocab"]
    for byte in range(256):
        vocab[f"<0x{byte:02X}>"] = len(vocab)
    plain["model"].update(byte_fallback=True, fuse_unk=True, unk_token="<unk>", ignore_merges=False)
    plain["pre_tokenizer"] = None
    return Tokenizer.from_str(json.dumps(plain))


def bos(token, id):
    return processors.TemplateProcessing(
        single=f"{token} $A", pair=f"{token} $A {token} $B", special_tokens=[(token, id)]
    )


def main(repository):
    texts = corpus(repository)

    t = byte_level(texts, QWEN, CHATML)
    t.normalizer = normalizers.NFC()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.add_tokens([AddedToken(w, normalized=False) for w in ["<think>", "</think>", "<call>", "</call>"]])
    save("qwen-like", t)

    t = byte_level(texts, LLAMA, HEADERS, ignore_merges=True)
    t.post_processor = processors.Sequence(
        [processors.ByteLevel(trim_offsets=False), bos("<|begin_of_text|>", 0)]
    )
    save("llama3-like", t)

    t = with_bytes(texts, INSTRUCTION)
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.post_processor = bos("<s>", 1)
    save("llama2-like", t)

    t = with_bytes(texts, INSTRUCTION)
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    t.post_processor = bos("<s>", 1)
    save("metaspace-first", t)

    t = with_bytes(texts, TURNS)
    t.normalizer = normalizers.Replace(" ", "▁")
    t.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    t.post_processor = bos("<bos>", 2)
    t.add_tokens([AddedToken(w, normalized=False) for w in ["\n\n", "\n\n\n", "▁▁", "▁▁▁▁", "<h1>"]])
    save("gemma-like", t)

    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Replace(Regex(" {2,}"), " ")
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.train_from_iterator(
        texts,
        trainers.UnigramTrainer(
            vocab_size=1500, special_tokens=INSTRUCTION, unk_token="<unk>", show_progress=False
        ),
    )
    t.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 2)]
    )
    t.add_tokens([AddedToken("<mask>", lstrip=True, normalized=False), AddedToken("<|Sep|>", rstrip=True, normalized=False)])
    save("unigram", t)


main(sys.argv[1])
