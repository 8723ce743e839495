"""The door to llama.cpp: a GGUF file as a LangChain chat model, run inside this process by xllamacpp.

Importing this module loads xllamacpp and langchain-core; only :mod:`pfocr_chat.llm` does so, when it
opens such an LLM.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import xllamacpp as xlc
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from pfocr_chat.errors import LlmError, LlmFailure, LlmUnavailableError
from pfocr_chat.patience import TakenError, Turns

SYSTEM = "You answer from the text you are given."
"""Said where a conversation brings no system message: the file's own template would put in another."""

# llama.cpp reads these as control tokens wherever they stand, so a caption could end the user's turn.
SPECIAL_TOKEN = re.compile(
    r"<\|[^|<>\s]{1,64}\|>|<｜[^｜<>\s]{1,64}｜>"
    r"|</?s>|<(?:bos|eos|pad|unk)>|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>"
    r"|<(?:repo_?name|file_sep|filename|gh_stars|empty_output|issue_\w+|jupyter_\w+)>"
)

_ROLES = {"system": "system", "human": "user", "ai": "assistant"}
_MAX_THREADS = 8  # more wait for each other rather than work, above all under a container's CPU quota
_PROMPT_BATCH = 128  # tokens of the prompt read between two chances to stop; no slower than 2048
_LIGHT_BYTES = 300_000_000
_TRIAL = {"messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "Hi"}], "max_tokens": 1}


def without_special_tokens(text: str) -> str:
    """``text`` with the control tokens of the common LLM families replaced by a space.

    A space, since closing the gap could make a new token of what stood on both sides.
    """
    return SPECIAL_TOKEN.sub(" ", text)


class LlamaCppChat(BaseChatModel):
    """A GGUF file as a chat model: text only, greedy, so the same messages give the same text.

    ``label`` names it in messages to people, ``n_ctx`` is how many tokens prompt and answer may
    have together and ``max_tokens`` the longest answer, which a call may override. ``whole_s`` is how many
    seconds an answer may take.

    Making one loads the file (``LlmUnavailableError`` where that fails); ``close`` frees it. Calls
    from several threads wait for each other, but not for long. Every failure to answer is an ``LlmError``.
    """

    path: Path
    label: str
    n_ctx: int = 4096
    max_tokens: int = 256
    whole_s: float = 300.0
    _engine: _Engine = PrivateAttr()

    def model_post_init(self, _context: Any, /) -> None:
        """Load the file."""
        self._engine = _Engine(self.path, self.n_ctx)

    @property
    def _llm_type(self) -> str:
        return "llamacpp"

    def close(self) -> None:
        """Stop what is being written and free the memory; the object cannot answer any more."""
        self._engine.close()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002  # the base class reports pieces
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """Yield the answer's pieces; an empty piece says that the prompt is still being read."""
        request = {
            "messages": self._to_plain(messages),
            "max_tokens": self.max_tokens,
            "temperature": 0,
            "cache_prompt": False,  # greedy text differs between a cold and a warm cache
            "chat_template_kwargs": {"enable_thinking": False},
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
            **({"stop": stop} if stop else {}),
            **kwargs,
        }
        for reply in self._engine.replies(request, self.label, self.whole_s):
            if "error" in reply:
                raise LlmError(self._explain(reply["error"]))
            choices = reply.get("choices") or [{}]
            text = choices[0].get("delta", {}).get("content") or ""
            yield ChatGenerationChunk(message=AIMessageChunk(content=text, usage_metadata=_usage(reply)))

    def _to_plain(self, messages: Sequence[BaseMessage]) -> list[dict[str, str]]:
        """The messages as llama.cpp takes them: free of control tokens, a system message first."""
        unknown = {message.type for message in messages} - _ROLES.keys()
        if unknown:
            raise LlmError(f"{self.label} takes no messages of the kind {', '.join(sorted(unknown))}.")
        plain = [{"role": _ROLES[m.type], "content": without_special_tokens(m.text)} for m in messages]
        if not plain or plain[0]["role"] != "system":
            plain.insert(0, {"role": "system", "content": SYSTEM})
        return plain

    def _explain(self, error: dict[str, Any]) -> str:
        if error.get("type") == "exceed_context_size_error":
            return (
                f"The prompt has {error.get('n_prompt_tokens', 'too many')} tokens and {self.label} reads "
                f"{self.n_ctx} at most. Ask a shorter question, or choose another LLM with --llm."
            )
        return f"{self.label} failed while answering: {error.get('message', 'no reason given')}"


class _Engine:
    """A loaded file and the threads that are answering from it.

    llama.cpp calls back with each piece and goes on until the callback says stop, so every request
    runs in a thread of its own that fills a queue.
    """

    def __init__(self, path: Path, n_ctx: int) -> None:
        try:
            self._server: Any = xlc.Server(_parameters(path, n_ctx))
        except RuntimeError as exc:
            raise LlmUnavailableError(
                f"{path} cannot be loaded: the file is damaged, or of a kind that xllamacpp "
                f"{xlc.__version__} does not know. Get it again, or choose another LLM with --llm."
            ) from exc
        # A server that is freed before its loop has begun never ends: an answer shows that it has, and
        # that the file can chat at all.
        reply = self._server.handle_chat_completions(_TRIAL)
        if "error" in reply:
            raise LlmUnavailableError(
                f"{path} cannot chat: {reply['error'].get('message', 'no reason given')}. "
                "Choose another LLM with --llm."
            )
        self._turns = Turns(1)
        self._running: dict[threading.Thread, threading.Event] = {}
        # Also runs when Python exits: a thread still inside llama.cpp by then aborts the process.
        self._stop = weakref.finalize(self, _stop_all, self._running)

    def replies(self, request: dict[str, Any], label: str, whole_s: float) -> Iterator[dict[str, Any]]:
        """Yield llama.cpp's replies to a request for so many seconds; closing the generator stops the work."""
        try:
            self._turns.take()
        except TakenError as exc:
            raise LlmError(f"{label} is writing other answers. Ask again for this one.", LlmFailure.BUSY) from exc
        server = self._server
        if server is None:
            self._turns.give()
            raise LlmError(f"{label} is closed. Open it again with open_llm().")
        replies: SimpleQueue[dict[str, Any] | Exception | None] = SimpleQueue()
        cancelled = threading.Event()
        running, turns = self._running, self._turns

        def on_reply(reply: dict[str, Any]) -> bool:
            replies.put(reply)
            return cancelled.is_set()

        def work() -> None:
            try:
                server.handle_chat_completions(request, on_reply)
            except Exception as exc:  # handed to the reader, who raises it
                replies.put(exc)
            finally:
                running.pop(threading.current_thread(), None)
                turns.give()
                replies.put(None)

        until = time.monotonic() + whole_s
        thread = threading.Thread(target=work, name="pfocr-chat-llm", daemon=True)
        running[thread] = cancelled
        try:
            thread.start()
        except RuntimeError as exc:  # the system has no more threads
            del running[thread]
            turns.give()
            raise LlmError(f"{label} cannot be asked: {exc}.", LlmFailure.BUSY) from exc
        try:
            while (reply := replies.get(timeout=max(0.0, until - time.monotonic()))) is not None:
                if isinstance(reply, Exception):
                    raise LlmError(f"{label} failed while answering: {reply}") from reply
                yield reply
            if cancelled.is_set():
                raise LlmError(f"{label} was closed while it was answering.")
        except Empty as exc:
            sentence = f"{label} did not answer in {whole_s:.0f} seconds. Ask again, or choose another LLM with --llm."
            raise LlmError(sentence, LlmFailure.TIMEOUT) from exc
        finally:
            cancelled.set()

    def close(self) -> None:
        self._stop()
        self._server = None


def _stop_all(running: dict[threading.Thread, threading.Event]) -> None:
    for thread, cancelled in list(running.items()):
        cancelled.set()
        thread.join()


def _parameters(path: Path, n_ctx: int) -> Any:
    params = xlc.CommonParams()
    params.model.path = str(path)
    params.n_ctx = n_ctx
    params.n_parallel = 1
    params.n_batch = _PROMPT_BATCH
    # llama.cpp would keep the state of each prompt, up to 8 GiB of them, for prompts that begin alike.
    params.cache_prompt = False
    params.cache_ram_mib = 0
    params.cache_idle_slots = False
    params.n_ctx_checkpoints = 0
    params.verbosity = -1
    threads = min(_cores(), _MAX_THREADS)
    params.cpuparams_batch.n_threads = threads
    # In a light file the threads meet so often that beside a busy process two of them wrote 5 tokens/s
    # where one wrote 73; on an idle machine the second one adds a fifth.
    params.cpuparams.n_threads = 1 if path.stat().st_size < _LIGHT_BYTES else threads
    # xllamacpp opens an HTTP port on the loopback interface, whether wanted or not: nobody knows the key.
    params.api_keys = [secrets.token_hex()]
    params.endpoint_slots = False
    params.ui = False
    params.offline = True
    return params


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux: what this process may use, not what the machine has
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _usage(reply: dict[str, Any]) -> UsageMetadata | None:
    usage = reply.get("usage")
    if not usage:
        return None
    return UsageMetadata(
        input_tokens=usage["prompt_tokens"],
        output_tokens=usage["completion_tokens"],
        total_tokens=usage["total_tokens"],
    )
