# SPDX-License-Identifier: Apache-2.0
"""Writes goldens.json: python make_goldens.py <unpacked vLLM wheel>. See README.md.

vLLM's own functions decide what a request becomes. They are taken out of its sources one by one, because importing the
package needs torch.
"""

import ast
import collections
import functools
import inspect
import json
import sys
import types
import typing
from pathlib import Path

import jinja2
import jinja2.ext
import jinja2.meta
import jinja2.sandbox
import openai.types.chat
import pydantic
import typing_extensions
from openai.types.chat.chat_completion_content_part_input_audio_param import InputAudio
from openai.types.responses import ResponseInputImageParam
from openai_harmony import Message as OpenAIHarmonyMessage
from transformers import PreTrainedTokenizerFast

HERE = Path(__file__).parent
VLLM = Path(sys.argv[1]) / "vllm"


class Quiet:
    def __getattr__(self, _):
        return lambda *args, **kwargs: None


class ValidationError(ValueError):
    def __init__(self, message, **_):
        super().__init__(message)


class NoMedia:
    model_config = types.SimpleNamespace(enable_prompt_embeds=False)

    def create_parser(self, **_):
        return self

    def mm_placeholder_storage(self):
        return {}


class Base(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")


scope = {
    **{n: getattr(m, n) for m in (typing, typing_extensions, pydantic, collections, openai.types.chat) for n in dir(m) if n[0] != "_"},
    **dict(functools.__dict__), **dict(collections.abc.__dict__), "types": types, "json": json,
    "inspect": inspect, "jinja2": jinja2, "logger": Quiet(), "VLLMValidationError": ValidationError,
    "InputAudio": InputAudio, "ResponseInputImageParam": ResponseInputImageParam,
    "OpenAIHarmonyMessage": OpenAIHarmonyMessage, "OpenAIBaseModel": Base,
    "OpenAIChatCompletionContentPartParam": openai.types.chat.ChatCompletionContentPartParam,
    "OpenAIChatCompletionMessageParam": openai.types.chat.ChatCompletionMessageParam,
    "Image": types.SimpleNamespace(Image=object), "MultiModalEmbedsPayload": typing.Any,
    "BaseMultiModalItemTracker": object, "BaseMultiModalContentParser": object, "ModelConfig": object,
}


def name_of(node):
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return getattr(target, "id", None)


def take(path, *, first=None, last=None, names=()):
    """Runs the named definitions of a file, and those from `first` to `last`."""
    nodes = ast.parse((VLLM / path).read_text()).body
    order = [name_of(n) for n in nodes]
    span = set(order[order.index(first) : order.index(last) + 1]) if first else set()
    chosen = [n for n in nodes if name_of(n) in span | set(names)]
    exec(compile(ast.Module(chosen, []), path, "exec"), scope)


CHAT = "renderers/chat_utils.py"
take(CHAT, first="AudioURL", last="ChatTemplateContentFormat")
take(CHAT, first="_TextParser", last="TEXT_PART_TYPES")
take(CHAT, names=["_parse_chat_message_content_parts", "_reject_reserved_placeholder_in_text"])
take(CHAT, names=["_parse_chat_message_content_part"])
take(CHAT, first="_AssistantParser", last="_postprocess_messages")
take("entrypoints/generate/base/protocol.py", names=["FunctionDefinition"])
take("entrypoints/openai/chat_completion/protocol.py", names=["ChatCompletionToolsParam"])
take("renderers/hf.py", first="_is_var_access", last="_consolidate_system_messages")
take("renderers/hf.py", names=["AssistantTracker", "_resolve_chat_template_kwargs"])
take("renderers/params.py", names=["merge_kwargs"])
Messages = pydantic.TypeAdapter(list[scope["ChatCompletionMessageParam"]])
Tools = pydantic.TypeAdapter(list[scope["ChatCompletionToolsParam"]])


def as_list(message, field):
    if message.get(field) is not None and not isinstance(message[field], (str, list)):
        message[field] = list(message[field])


def conversation_of(messages, content_format):
    for message in messages:
        reasoning = message.pop("reasoning_content", None)
        if reasoning is not None and message.get("reasoning") is None:
            message["reasoning"] = reasoning
    conversation = []
    for message in Messages.validate_python(messages):
        as_list(message, "tool_calls")
        as_list(message, "content")
        conversation += scope["_parse_chat_message_content"](message, NoMedia(), content_format, False)
    scope["_postprocess_messages"](conversation)
    return conversation


def render(tokenizer, template, body):
    content_format = scope["_detect_content_format"](template, default="string")
    conversation = conversation_of(body["messages"], content_format)
    roles = [message["role"] for message in conversation]
    if "developer" in roles and not scope["_detect_developer_role_support"](template):
        conversation = scope["_consolidate_system_messages"](scope["_convert_developer_to_system"](conversation))
    tools = body.get("tools")
    own = body.get("chat_template_kwargs") or {}
    extra = {
        "add_generation_prompt": body.get("add_generation_prompt", True),
        "continue_final_message": body.get("continue_final_message", False),
        "documents": body.get("documents"),
        "reasoning_effort": body.get("reasoning_effort"),
    }
    if extra["reasoning_effort"] is not None and "enable_thinking" not in own:
        extra["enable_thinking"] = extra["reasoning_effort"] != "none"
    merge = scope["merge_kwargs"]
    dumped = None if tools is None else [tool.model_dump() for tool in Tools.validate_python(tools)]
    given = merge({"tools": dumped}, merge(own, extra))
    known = scope["_resolve_chat_template_kwargs"](template) | {
        "tools", "documents", "add_generation_prompt", "continue_final_message",
    }
    given = {name: value for name, value in given.items() if name in known}
    return content_format, tokenizer.apply_chat_template(
        conversation, chat_template=template, tokenize=False, **given
    )


def tokenizer_of(case):
    config = case["config"]
    path = HERE / "tokenizers" / f"{case['tokenizer']}.json"
    return PreTrainedTokenizerFast(tokenizer_file=str(path), **config)


def chat_golden(case):
    tokenizer = tokenizer_of(case)
    template = (HERE / "templates" / f"{case['template']}.jinja").read_text()
    body = case["body"]
    result = {**case, "body": json.dumps(body, ensure_ascii=False)}
    try:
        content_format, text = render(tokenizer, template, json.loads(json.dumps(body)))
    except Exception as error:
        print(case["name"], "is refused:", str(error)[:100].replace("\n", " "))
        return {**result, "refused": True}
    ids = tokenizer(text, add_special_tokens=body.get("add_special_tokens", False))["input_ids"]
    return {**result, "contentFormat": content_format, "text": text, "ids": ids}


def text_goldens():
    texts = json.loads((HERE / "texts.json").read_text())
    goldens = {}
    for path in sorted((HERE / "tokenizers").glob("*.json")):
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(path))
        goldens[path.stem] = [
            {"plain": tokenizer(text, add_special_tokens=False)["input_ids"],
             "special": tokenizer(text, add_special_tokens=True)["input_ids"]}
            for text in texts
        ]
    return goldens


goldens = {
    "texts": text_goldens(),
    "chats": [chat_golden(case) for case in json.loads((HERE / "chats.json").read_text())],
}
lines = ['{"texts":{']
lines.append(",\n".join(f'"{n}":[\n' + ",\n".join(json.dumps(g, separators=(",", ":")) for g in gs) + "\n]" for n, gs in goldens["texts"].items()))
lines.append('},"chats":[')
lines.append(",\n".join(json.dumps(c, ensure_ascii=False) for c in goldens["chats"]))
lines.append("]}")
(HERE / "goldens.json").write_text("\n".join(lines) + "\n")
