"""The bot on Slack's Bolt: what comes in, over Socket Mode or HTTP, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn
from slack_bolt import Ack, App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.adapter.starlette.handler import to_starlette_response
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackClientError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pfocr_chat import connections
from pfocr_chat.connections import SECONDS_FOR_BODY
from pfocr_chat.errors import SlackError
from pfocr_chat.feedback import FILE_NAME as FEEDBACK_FILE
from pfocr_chat.feedback import FeedbackStore
from pfocr_chat.listening import listen
from pfocr_chat.slack.actions import Buttons, press_of
from pfocr_chat.slack.bot import Bot
from pfocr_chat.slack.events import Identity, command_asked, id_of, mapping_of, message_asked
from pfocr_chat.slack.mrkdwn import line
from pfocr_chat.slack.settings import SlackSettings
from pfocr_chat.slack.signed import NOT_UNDERSTOOD, NotSlackError, check_headers, read_signed
from pfocr_chat.slack.store import FILE_NAME, Store
from pfocr_chat.slack.web import RefusedError, UnreachableError, WebApi, quiet_logger, token_problem

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant

SECONDS_TO_FINISH = 6.0
"""How long answers under way may take when the bot is told to stop; the others wait for the next start."""
PROMPTS = (
    "Which figures link integrins to YAP?",
    "How does quercetin inhibit gastric cancer metastasis?",
    "How many figures show both TNF and NF-κB?",
    "Which figures are about autophagy?",
)
"""Questions that the assistant pane offers."""
NOT_HERE = "I am not allowed to answer in this workspace or channel. Whoever runs me can change that."

_logger = logging.getLogger(__name__)


def _say(sentence: str) -> None:
    """On the screen, at once, also where that is a file."""
    print(sentence, flush=True)


def serve(
    assistant: Assistant,
    settings: SlackSettings,
    folder: Path,
    *,
    http: bool = False,
    host: str = "127.0.0.1",
    port: int = 3000,
    ready: Callable[[str], None] = _say,
    stopping: threading.Event | None = None,
) -> None:
    """Answer Slack until SIGTERM, SIGINT or ``stopping``; keeps its memory and feedback in ``folder``.

    Raises:
        SlackError: Slack does not take a token or cannot be reached, or the memory cannot be written.
        PfocrChatError: the address for HTTP mode cannot be had.
    """
    stopping = stopping or threading.Event()
    ending = threading.Event()  # ends waits between calls, once there is no more time
    web = WebApi(settings.secrets.bot_token, settings.api_url, stopping=ending, pause=settings.limits.pause)
    with (
        Store(folder / FILE_NAME, settings.limits) as store,
        closing(FeedbackStore(folder / FEEDBACK_FILE)) as feedback,
    ):
        identity = identify(web)
        bot = Bot(assistant, web, store, settings, identity)
        app = build_app(bot, Buttons(bot, feedback), settings)
        with _signals(stopping), _answering(bot, ending):
            if http:
                _serve_http(app, settings.secrets.signing_secret, host, port, ready, stopping)
            else:
                _serve_socket(app, settings, ready, stopping)


def identify(web: WebApi) -> Identity:
    """Who the bot's token belongs to.

    Raises:
        SlackError: Slack does not take it, or cannot be reached.
    """
    try:
        told = web.call("auth.test", {})
    except RefusedError as exc:
        raise token_problem("SLACK_BOT_TOKEN", exc) from exc
    except UnreachableError as exc:
        raise SlackError("Slack cannot be reached. Look at the network, a proxy, or Slack's status page.") from exc
    if not told.get("bot_id"):
        raise SlackError("SLACK_BOT_TOKEN belongs to a person, not to a bot. Use the app's bot token (xoxb-…).")
    return Identity(str(told.get("team_id", "")), str(told.get("user_id", "")), str(told.get("bot_id", "")))


class Listeners:
    """What the bot does about each kind of thing that Slack tells.

    They run before Slack is answered, for they only write a question down: what could not be kept is told again by
    Slack. Whatever is not for the bot is acknowledged and forgotten.
    """

    def __init__(self, bot: Bot, buttons: Buttons) -> None:
        self._bot = bot
        self._buttons = buttons

    def on_message(self, body: dict[str, Any]) -> None:
        """A message or a mention."""
        bot = self._bot
        asked = message_asked(
            body,
            identity=bot.identity,
            allowed=bot.allowed,
            is_known=bot.takes_part,
            limit=bot.limits.question,
        )
        if asked:
            bot.ask(asked)

    def on_command(self, ack: Ack, body: dict[str, Any]) -> None:
        """The slash command."""
        ack(**answer_command(self._bot, body))

    def on_press(self, ack: Ack, body: dict[str, Any]) -> None:
        """One of the bot's buttons."""
        ack()
        if press := press_of(body):
            self._buttons.take(press)

    def on_opened(self, body: dict[str, Any]) -> None:
        """Somebody opened the assistant pane, or the bot's messages."""
        self._bot.later(lambda: offer_prompts(self._bot, body))

    def on_other(self, ack: Ack) -> None:
        """Anything else."""
        ack()

    def on_error(self, error: Exception) -> BoltResponse:
        """Something could not be kept, and is to be told again; or it is nothing that Slack says."""
        if isinstance(error, NOT_UNDERSTOOD):
            _logger.error("what claims to be Slack told something that is not understood: %s", type(error).__name__)
            return BoltResponse(status=400)
        _logger.error("Slack told something that could not be kept: %s", type(error).__name__)
        return BoltResponse(status=500)


def build_app(bot: Bot, buttons: Buttons, settings: SlackSettings) -> App:
    """A Bolt app for the bot."""
    identity = bot.identity
    known = AuthorizeResult(
        enterprise_id=None,
        team_id=identity.team,
        bot_user_id=identity.user,
        bot_id=identity.bot,
        bot_token=settings.secrets.bot_token,
    )
    app = App(
        logger=quiet_logger,
        client=bot.web.client,
        signing_secret=settings.secrets.signing_secret or "unused in Socket Mode",
        authorize=lambda: known,
        process_before_response=True,
    )
    listeners, anything = Listeners(bot, buttons), re.compile(".*")
    app.error(listeners.on_error)
    app.event("app_mention")(listeners.on_message)
    app.event("message")(listeners.on_message)
    app.event("assistant_thread_started")(listeners.on_opened)
    app.event("app_home_opened")(listeners.on_opened)
    app.command(anything)(listeners.on_command)
    app.action(re.compile("^pfocr_"))(listeners.on_press)
    for kind in (app.event, app.action, app.shortcut, app.view, app.options):
        kind(anything)(listeners.on_other)
    return app


def answer_command(bot: Bot, body: Mapping[str, Any]) -> dict[str, Any]:
    """Take note of a slash command's question; what Slack shows the asker at once."""
    asked = command_asked(body, identity=bot.identity, allowed=bot.allowed, limit=bot.limits.question)
    if asked is None:
        return {"response_type": "ephemeral", "text": NOT_HERE}
    bot.ask(asked)
    text = f"Looking for “{line(asked.question, 200)}” …" if asked.question else "One moment …"
    return {"response_type": "ephemeral", "text": text}


def offer_prompts(bot: Bot, body: Mapping[str, Any]) -> None:
    """Offer questions to whoever opened the assistant pane or the app's messages."""
    event = mapping_of(body.get("event"))
    arguments: dict[str, Any] = {"title": "Ask pathway figures, for example:"}
    arguments["prompts"] = [{"title": prompt, "message": prompt} for prompt in PROMPTS]
    if event.get("type") == "assistant_thread_started":
        thread = mapping_of(event.get("assistant_thread"))
        arguments |= {"channel_id": id_of(thread.get("channel_id")), "thread_ts": id_of(thread.get("thread_ts"))}
    elif event.get("tab") == "messages":
        arguments |= {"channel_id": id_of(event.get("channel"))}
    else:
        return
    with suppress(SlackError):  # an app without the pane
        bot.web.call("assistant.threads.setSuggestedPrompts", arguments, tries=3)


def build_http(app: App, secret: str) -> Starlette:
    """``/slack/events`` for everything that Slack sends and signs with ``secret``, and ``/healthz``."""

    async def events(request: Request) -> Response:
        try:
            check_headers(request.headers)
            async with asyncio.timeout(SECONDS_FOR_BODY):
                body = await request.body()
            asked = read_signed(secret, request.headers, body, request.query_params)
        except NotSlackError as exc:
            return PlainTextResponse(str(exc), status_code=exc.status)
        except TimeoutError:
            return PlainTextResponse("too slow", status_code=408)
        except ClientDisconnect:
            return PlainTextResponse("gone", status_code=400)
        try:
            return to_starlette_response(await run_in_threadpool(app.dispatch, asked))
        except NOT_UNDERSTOOD as exc:  # Bolt's own, in telling of an error
            _logger.error("what claims to be Slack told something that is not understood: %s", type(exc).__name__)
            return PlainTextResponse("not understood", status_code=400)

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(routes=[Route("/slack/events", events, methods=["POST"]), Route("/healthz", healthz)])


def _serve_socket(app: App, settings: SlackSettings, ready: Callable[[str], None], stopping: threading.Event) -> None:
    token = settings.secrets.app_token
    # One thread, so that a thread of messages is taken note of in order.
    handler = SocketModeHandler(
        app, token, logger=quiet_logger, receive_buffer_size=65_536, concurrency=1, ping_interval=5
    )
    try:
        handler.client.wss_uri = _socket_address(WebApi(token, settings.api_url, stopping=stopping))
        try:
            handler.client.connect()
        except (OSError, SlackClientError) as exc:
            raise SlackError("Slack's Socket Mode cannot be reached. Look at the network or a proxy.") from exc
        ready("PFOCR Chat answers in Slack, over Socket Mode (Ctrl+C stops it)")
        seconds = settings.limits.lost
        if not wait_while(handler.client.is_connected, stopping, seconds):
            raise SlackError(f"The connection to Slack was lost for {seconds:.0f} seconds. Start the bot again.")
    finally:
        _hang_up(handler)


def wait_while(works: Callable[[], bool], stopping: threading.Event, seconds: float, pause: float = 1.0) -> bool:
    """Wait until ``stopping``; ``False`` as soon as ``works`` has been false at each look for ``seconds``."""
    worked = time.monotonic()
    while not stopping.wait(pause):
        if works():
            worked = time.monotonic()
        elif time.monotonic() - worked >= seconds:
            return False
    return True


def _hang_up(handler: SocketModeHandler) -> None:
    """Close the socket. The client alone would wait for its reader, for up to three seconds."""
    client = handler.client
    client.current_session_state.terminated = True
    if client.current_session is not None and client.current_session.sock is not None:
        with suppress(OSError):
            client.current_session.sock.shutdown(socket.SHUT_RDWR)
    closer = threading.Thread(target=client.close, daemon=True)  # it looks every second
    closer.start()
    closer.join(1.5)


def _socket_address(web: WebApi) -> str:
    """Where to connect to.

    Raises:
        SlackError: the token is not accepted, or Slack cannot be reached.
    """
    try:
        return str(web.call("apps.connections.open", {})["url"])
    except RefusedError as exc:
        raise token_problem("SLACK_APP_TOKEN", exc) from exc


def _serve_http(
    app: App, secret: str, host: str, port: int, ready: Callable[[str], None], stopping: threading.Event
) -> None:
    with closing(listen(host, port)) as listener:
        web = build_http(app, secret)
        config = uvicorn.Config(
            web,
            log_config=None,  # this process has its own log
            timeout_graceful_shutdown=2,
            **connections.settings(),
        )
        server = uvicorn.Server(config)
        address = f"{host}:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, args=([listener],), name="pfocr-slack-http", daemon=True)
        thread.start()
        while thread.is_alive() and not server.started:
            time.sleep(0.02)
        if not server.started:
            raise SlackError(f"The server at {address} could not be started.")
        ready(f"PFOCR Chat takes Slack's requests at http://{address}/slack/events (Ctrl+C stops it)")
        if not wait_while(thread.is_alive, stopping, 0.0):
            raise SlackError(f"The server at {address} has ended by itself. Start the bot again.")
        server.should_exit = True
        thread.join(2.5)


@contextmanager
def _answering(bot: Bot, ending: threading.Event) -> Iterator[None]:
    """The bot at work; at the end it has a few seconds for what is under way."""
    bot.start()
    try:
        yield
    finally:
        timer = threading.Timer(SECONDS_TO_FINISH - 2.0, ending.set)
        timer.daemon = True
        timer.start()
        bot.stop(SECONDS_TO_FINISH)
        ending.set()
        timer.cancel()


@contextmanager
def _signals(stopping: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set ``stopping``; only in the main thread, elsewhere nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
