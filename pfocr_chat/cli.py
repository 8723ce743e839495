"""The shell command ``pfocr-chat``.

Exit status: 0, 2 for a usage error, 1 with one plain line on standard error for anything else
that a user can meet. What loads slowly is imported only by the command that needs it.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

from pfocr_chat import __version__
from pfocr_chat.answers import Answer, Stage, Text
from pfocr_chat.config import Config, load_config
from pfocr_chat.errors import ConfigError, PfocrChatError, QuestionError
from pfocr_chat.exports import Format, render
from pfocr_chat.options import (
    add_chroma,
    add_filters,
    add_logging,
    add_reranker,
    add_serving,
    filters_of,
    port,
    positive,
)
from pfocr_chat.progress import ProgressBar
from pfocr_chat.queries import Hit, Intent
from pfocr_chat.redaction import RedactedStream, secrets_in
from pfocr_chat.resources import data_folder

MAX_PROBLEMS = 10
"""Unreadable files named on the screen; all are counted."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Greek letters shows "?"
    if not isinstance(sys.stderr, RedactedStream):  # for good: Python itself writes tracebacks there at the end
        sys.stderr = cast("TextIO", RedactedStream(sys.stderr, secrets_in(os.environ)))
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = options.command
    try:
        command(options)
        sys.stdout.flush()
    except PfocrChatError as exc:
        print(f"pfocr-chat: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pfocr-chat: stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`| head`); there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def run() -> NoReturn:
    """Run a command as all that the process does."""
    status = main()
    gc.freeze()  # or Python looks through everything for garbage once more before it ends, for half a second
    sys.exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pfocr-chat",
        description="Ask questions of published pathway figures (PFOCR); every citation is checked.",
    )
    parser.add_argument("--version", action="version", version=f"pfocr-chat {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    index = _add(commands, "index", _index, "make the index agree with a folder of figure records")
    index.add_argument(
        "folder",
        metavar="DIR",
        type=Path,
        nargs="?",
        help="records in the PFOCR layout, or plain .md files (the folder of the last time)",
    )
    index.add_argument(
        "--anew",
        action="store_true",
        help="build upon nothing; what was embedded is not embedded again, and a Chroma server is compared with it",
    )

    sync = _add(commands, "sync", _sync, "get or update a copy of the PFOCR database, and index it")
    sync.add_argument(
        "--repo",
        metavar="URL",
        help="the database's repository: an https, ssh or file address, or a folder (wikipathways/pfocr-database)",
    )
    sync.add_argument("--checkout", type=Path, metavar="DIR", help="folder of the copy (in the user's data folder)")

    ask = _add(commands, "ask", _ask, "answer one question", llm=True)
    ask.add_argument("question")
    add_filters(ask)
    ask.add_argument("--json", action="store_true", help="print the whole answer as JSON")

    find = _add(commands, "find", _find, "list the figures for a question")
    find.add_argument("question")
    find.add_argument("-k", type=positive, metavar="N", help="how many at most (all of a list, else 10)")
    add_filters(find)
    add_reranker(find)
    forms = find.add_mutually_exclusive_group()
    for form in ("json", "csv", "bibtex", "ris", "gmt"):
        forms.add_argument(f"--{form}", dest="form", action="store_const", const=form, help=_FORMS[form])

    genes = _add(commands, "genes", _genes, "rank figures by the genes they share with a list")
    genes.add_argument("genes", metavar="GENES", help='symbols ("EGFR, KRAS, BRAF"), a file of them, or - for input')
    genes.add_argument("-k", type=positive, default=50, metavar="N", help="how many figures at most (50)")
    genes.add_argument("--json", action="store_true", help="print the comparison as JSON")

    chat = _add(commands, "chat", _chat, "serve the chat page", llm=True)
    chat.add_argument("--host", default="127.0.0.1", help="address to listen at (127.0.0.1)")
    chat.add_argument("--port", type=port, default=7860, help="port to listen at (7860)")
    chat.add_argument("--images", type=Path, metavar="FOLDER", help="pictures of the figures, called FIGID.jpg or so")

    add_serving(chat)

    slack = _add(commands, "slack", _slack, "answer in Slack; docs/slack.md says how to set it up", llm=True)
    slack.add_argument("--http", action="store_true", help="take Slack's requests over HTTP, not Socket Mode")
    slack.add_argument("--host", default="127.0.0.1", help="address to listen at with --http (127.0.0.1)")
    slack.add_argument("--port", type=port, default=3000, help="port to listen at with --http (3000)")
    add_logging(slack, "metrics for Prometheus at http://127.0.0.1:PORT/metrics")

    evaluation = _add(commands, "eval", _eval, "measure the answers to a file of questions", llm=True)
    evaluation.add_argument("questions", metavar="QUESTIONS.jsonl", type=Path)
    evaluation.add_argument("--json", type=Path, metavar="REPORT", help="write the report with a row per question")

    feedback = _add(commands, "feedback", _feedback, "print what people said of answers, as JSON lines")
    feedback.add_argument(
        "--cases", action="store_true", help="print it as questions for `eval`, where they can be scored"
    )

    status = _add(commands, "status", _status, "show what the index holds and which models answer", llm=True)
    status.add_argument("--json", action="store_true", help="print it as JSON")
    status.add_argument(
        "--check", action="store_true", help="read the whole index, and ask it, to see that it is sound"
    )

    backup = _add(commands, "backup", _backup, "copy the index and the feedback into one file, also while in use")
    backup.add_argument("file", metavar="FILE", type=Path, help="a new .tar or .tar.gz file, or a folder to put it in")

    restore = _add(commands, "restore", _restore, "put a backup back as the index, also while in use")
    restore.add_argument("file", metavar="FILE", type=Path, help="what `backup` made")
    restore.add_argument("--feedback", action="store_true", help="put its feedback in the place of what is there, too")
    return parser


_FORMS = {
    "json": "print the figures as JSON",
    "csv": "print them as a table",
    "bibtex": "print their papers for BibTeX",
    "ris": "print their papers for reference managers",
    "gmt": "print their gene sets",
}


def _add(
    commands: Any,
    name: str,
    command: Callable[[argparse.Namespace], None],
    summary: str,
    *,
    llm: bool = False,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary.capitalize() + ".")
    parser.set_defaults(command=command, llm=None, reranker=None, chroma_url=None)
    parser.add_argument("--vectorstore", type=Path, metavar="V", help="folder of the index (./vectorstore)")
    if llm:
        parser.add_argument(
            "--llm",
            metavar="L",
            help="auto, bundled, none, gguf:PATH, or provider:model such as openai:gpt-5.4-mini",
        )
        add_reranker(parser)
    if name != "feedback":
        add_chroma(parser)
    return parser


def _index(options: argparse.Namespace) -> None:
    config = load_config(options.vectorstore, chroma_url=options.chroma_url)
    from pfocr_chat.buildcache import last_corpus
    from pfocr_chat.corpus import find_records

    folder: Path | None = options.folder or last_corpus(config.vectorstore)
    if folder is None:
        raise ConfigError(
            f"Which records {config.vectorstore} was made of is not known. Run `pfocr-chat index DIR` with a folder of"
            " them."
        )
    if not options.folder:
        print(f"Indexing {folder} ...", file=sys.stderr)
    find_records(folder)  # found out before anything is loaded that takes its time
    _converge(folder, config, anew=options.anew)


def _converge(folder: Path, config: Config, *, anew: bool = False) -> str:
    """Make the index agree with a folder, say what was done, and return the name of its generation."""
    from pfocr_chat.chromaserver import ChromaServer
    from pfocr_chat.deferred import DeferredEmbedder
    from pfocr_chat.indexing import build_index
    from pfocr_chat.uploading import upload_vectors

    embedder = DeferredEmbedder(_load_embedder)
    with ExitStack() as opened:
        # Found out before anything is built.
        server = opened.enter_context(ChromaServer(config.chroma_url)) if config.chroma_url else None
        progress = opened.enter_context(ProgressBar())
        sent = []

        def deliver(generation: Path) -> None:
            if server:
                sent.append(upload_vectors(config.vectorstore, generation, server, anew=anew, progress=progress))

        report = build_index(
            *(folder, config.vectorstore, embedder),
            progress=progress,
            anew=anew,
            deliver=deliver if server else None,
        )
    if report.rebuilt:
        print(f"{report.rebuilt} It was built anew.")
    for problem in report.problems[:MAX_PROBLEMS]:
        print(f"cannot read {problem.path}: {problem.reason}", file=sys.stderr)
    if len(report.problems) > MAX_PROBLEMS:
        print(f"... and {len(report.problems) - MAX_PROBLEMS:,} more problems", file=sys.stderr)
    print(
        f"{report.found - report.unreadable:,} of {report.found:,} figures indexed"
        f" ({report.added:,} added, {report.changed:,} changed, {report.deleted:,} deleted,"
        f" {report.unchanged:,} unchanged, {report.unreadable:,} unreadable);"
        f" generation {report.manifest.generation} in {config.vectorstore}"
        + "".join(f"; {count:,} vectors sent to {config.chroma_url}" for count in sent)
    )
    return report.manifest.generation


def _sync(options: argparse.Namespace) -> None:
    from pfocr_chat.sync import update_checkout, write_source

    config = load_config(options.vectorstore, chroma_url=options.chroma_url)
    with ProgressBar() as progress:
        checkout = update_checkout(options.repo, options.checkout, progress=progress)
    print(checkout)
    write_source(config.vectorstore, checkout, _converge(checkout.folder, config))


def _load_embedder() -> Any:
    print("Loading the embedding model ...", file=sys.stderr)
    from pfocr_chat.embedder import Embedder

    return Embedder()


def _open(options: argparse.Namespace) -> Any:
    from pfocr_chat import open_assistant

    return open_assistant(options.vectorstore, options.llm, options.reranker, chroma_url=options.chroma_url)


def _ask(options: argparse.Namespace) -> None:
    with _open(options) as assistant:
        if options.json:
            answer = assistant.ask(options.question, filters=filters_of(options))
            print(json.dumps(answer.to_dict(), ensure_ascii=False, indent=2))
            return
        streamed = ""
        for event in assistant.stream(options.question, filters=filters_of(options)):
            if isinstance(event, Stage) and sys.stderr.isatty():
                print(f"{event.text} ...", file=sys.stderr)
            elif isinstance(event, Text):
                streamed = event.text
                print(event.text, end="", flush=True)
            elif isinstance(event, Answer):
                if streamed and not streamed.endswith("\n"):
                    print()
                print(_render_answer(event, with_text=not streamed))


def _render_answer(answer: Answer, *, with_text: bool) -> str:
    lines = [answer.text] if with_text else []
    for citation in answer.citations:
        lines += ["", f"[{citation.key}] {citation.figid}: {citation.title or ''}"]
        label = "summary" if citation.quote_source == "summary" else "quote"
        lines.append(f"    {label}: {citation.quote}")
        lines += [f"    {name}: {address}" for name, address in citation.links]
    if answer.near_misses:
        lines += ["", "Nearest figures:"]
        lines += [f"- {near.figid}: {near.title or ''} ({near.url})" for near in answer.near_misses]
    more = answer.figids[len(answer.citations) :]
    if more:
        related = answer.query is not None and answer.query.intent is Intent.RELATION
        what = "Closest figures" if related else f"All {len(answer.figids):,} figures"
        lines += ["", f"{what}: {', '.join(answer.figids)}"]
    if not answer.abstained and answer.citations:
        lines += ["", f"Checked: {answer.grounding}."]
    lines += [f"Note: {note}" for note in answer.notes]
    if answer.query and answer.query.intent is not Intent.CHAT:
        lines += [f"Understood as: {answer.query}."]
    if answer.usage and answer.usage.billed:
        lines.append(f"Tokens: {answer.usage}.")
    return "\n".join(lines)


def _find(options: argparse.Namespace) -> None:
    options.llm = "none"
    with _open(options) as assistant:
        filters = filters_of(options)
        hits: list[Hit] = (
            assistant.retrieve(options.question, options.k, filters=filters)
            if options.k
            else assistant.find(options.question, filters=filters)
        )
    if options.form:
        # Lines end as the format has them end.
        sys.stdout.buffer.write(render(hits, Format(options.form)).encode())
        return
    if not hits:
        print("No figure found.")
    for rank, hit in enumerate(hits, start=1):
        why = "; ".join(map(str, hit.matches)) or "similar in meaning"
        print(f"{rank}. {hit.figid}  {hit.record.title or ''}\n   {why}\n   {hit.record.page_url}")


def _genes(options: argparse.Namespace) -> None:
    options.llm = "none"
    genes = _read_list(options.genes)
    with _open(options) as assistant:
        compared = assistant.gene_list(genes, limit=options.k)
    print(json.dumps(compared.to_dict(), ensure_ascii=False, indent=2) if options.json else compared.text)


def _read_list(genes: str) -> str:
    """The list itself, or what the file of that name holds."""
    if genes == "-":
        return sys.stdin.read()
    path = Path(genes)
    try:
        return path.read_text(encoding="utf-8-sig") if path.is_file() else genes
    except UnicodeDecodeError as exc:
        raise QuestionError(f"{path} is not a text file.") from exc
    except OSError:
        return genes  # too long for the name of a file


def _chat(options: argparse.Namespace) -> None:
    images = options.images or load_config(options.vectorstore).images
    if images and not images.is_dir():
        raise ConfigError(f"There is no folder {images} with pictures. Name another with --images, or none.")
    print("Loading the models ...", file=sys.stderr)
    from pfocr_chat.ui import Accounts, Serving, serve

    who = options.auth or os.environ.get("PFOCR_CHAT_AUTH")
    accounts = Accounts.parse(who) if who else None
    if accounts and isinstance(sys.stderr, RedactedStream):
        sys.stderr.hide(accounts.passwords.values())
    serving = Serving(
        accounts=accounts,
        per_minute=options.requests_per_minute,
        root_path=options.root_path,
        proxies=tuple(options.proxy),
        log_questions=options.log_questions,
        log_format=options.log_format,
        metrics_port=options.metrics_port,
        images=images,
        hosts=tuple(options.allow_host),
    )
    with _open(options) as assistant:
        serve(assistant, host=options.host, port=options.port, serving=serving)
    sys.stdout.flush()
    os._exit(0)  # everything is closed; the interpreter with its libraries would take seconds to end


def _slack(options: argparse.Namespace) -> None:
    from pfocr_chat.slack import load_settings, serve

    settings = load_settings(http=options.http)
    print("Loading the models ...", file=sys.stderr)
    from pfocr_chat.logs import logging_to_stderr
    from pfocr_chat.monitoring import Monitor

    with _open(options) as assistant, ExitStack() as opened:
        folder = load_config(options.vectorstore).vectorstore
        if options.metrics_port is not None:
            monitor = Monitor(assistant.status)
            opened.enter_context(assistant.observed_by(monitor))
            opened.enter_context(monitor.serving(options.metrics_port))
        opened.enter_context(logging_to_stderr(options.log_format, questions=options.log_questions))
        serve(assistant, settings, folder, http=options.http, host=options.host, port=options.port)


def _eval(options: argparse.Namespace) -> None:
    from pfocr_chat.evaluation import evaluate, read_cases, read_prompt_phrases

    cases = read_cases(options.questions)
    if options.json:
        _check_writable(options.json)
    with _open(options) as assistant, ProgressBar() as bar:
        secrets = read_prompt_phrases(data_folder("prompts"))
        report = evaluate(assistant, cases, secrets=secrets, progress=lambda done, total: bar("asking", done, total))
    if options.json:
        options.json.write_text(json.dumps(report.to_dict(), ensure_ascii=False, indent=1), encoding="utf-8")
    print(report)


def _check_writable(path: Path) -> None:
    """Found out before the questions are asked, which takes minutes."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()
    except OSError as exc:
        raise ConfigError(f"The report cannot be written to {path}: {exc.strerror}. Name another file.") from exc


def _feedback(options: argparse.Namespace) -> None:
    from pfocr_chat.feedback import FILE_NAME, FeedbackStore, to_cases

    path = load_config(options.vectorstore).vectorstore / FILE_NAME
    with closing(FeedbackStore(path)) as store:
        said = store.all()
    lines = to_cases(said) if options.cases else [feedback.to_dict() for feedback in said]
    for line in lines:
        print(json.dumps(line, ensure_ascii=False))
    if not lines:
        what = "feedback that can be scored" if options.cases and said else "feedback"
        print(f"There is no {what} in {path}.", file=sys.stderr)


def _backup(options: argparse.Namespace) -> None:
    from pfocr_chat.upkeep import backup

    print(backup(load_config(options.vectorstore).vectorstore, options.file))


def _restore(options: argparse.Namespace) -> None:
    from pfocr_chat.upkeep import restore

    vectorstore = load_config(options.vectorstore).vectorstore
    print(restore(options.file, vectorstore, with_feedback=options.feedback))


def _status(options: argparse.Namespace) -> None:
    from pfocr_chat.chromaserver import ChromaServer
    from pfocr_chat.sync import read_source
    from pfocr_chat.upkeep import check, check_answers, check_server

    def tell(line: str) -> None:
        print(line, file=sys.stderr if options.json else sys.stdout, flush=True)

    config = load_config(options.vectorstore, options.llm, options.reranker, options.chroma_url)
    findings = check(config.vectorstore, tell) if options.check else []
    if options.check and config.chroma_url:
        with ChromaServer(config.chroma_url) as server:
            findings.append(check_server(server, config.vectorstore, tell))
    with _open(options) as assistant:
        findings += [check_answers(assistant, tell)] if options.check else []
        status = assistant.status()
    checks = [asdict(finding) for finding in findings]
    reranker = config.reranker
    source = read_source(config.vectorstore, status.generation)
    if options.json:
        told = status.to_dict() | ({"reranker": reranker} if reranker else {})
        told |= {"chroma_url": config.chroma_url} if config.chroma_url else {}
        told |= {"source": source.to_dict()} if source else {}
        told |= {"checks": checks} if checks else {}
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return
    print(
        f"index      {status.figures:,} figures, {status.passages:,} passages from {status.corpus}\n"
        f"generation {status.generation}, built {status.built}, in {status.vectorstore}\n"
        f"embedder   {status.embedder} ({status.dimension} dimensions), passage format {status.passage_format}\n"
        f"llm        {status.llm}"
        + (f"\nreranker   {reranker}" if reranker else "")
        + (f"\nvectors    in the Chroma server at {config.chroma_url}" if config.chroma_url else "")
        + (f"\nsource     {source}" if source else "")
        + (f"\n{status.still_coming}" if status.still_coming else "")
    )


if __name__ == "__main__":
    run()
