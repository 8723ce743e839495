"""The API as programs and agents use it: Gradio's client, an MCP client, and plain HTTP."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent
from planted import BOTH, FAK, FAK_2, RAS, RECORDS, TNF_ONLY, UNDATED, Planted, scripted
from serving import served

from pfocr_chat import Answer, Assistant
from pfocr_chat.ui import Serving
from pfocr_chat.ui.api import APOLOGY, MOST

# Gradio's queue counts its events in ways that newer versions of pandas deprecate.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

REST = [None] * 5
"""What follows the question where nothing else is said: in a plain POST every parameter has its place."""
NAMES = {"ask", "find_figures", "figure", "gene_list", "count"}


@pytest.fixture(scope="module")
def address(quoting: Assistant) -> Iterator[str]:
    with served(quoting) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[Client]:
    client = Client(address, verbose=False, download_files=False, analytics_enabled=False)
    yield client
    client.close()


def with_mcp(address: str, use: Callable[[ClientSession], Awaitable[Any]]) -> Any:
    """What ``use`` returns, called with a session of the reference MCP client."""

    async def connected() -> Any:
        async with (
            streamable_http_client(f"{address}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await use(session)

    return asyncio.run(connected())


def call(address: str, name: str, **arguments: Any) -> CallToolResult:
    """What a tool answers."""
    result: CallToolResult = with_mcp(address, lambda session: session.call_tool(name, arguments))
    return result


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


# What is offered


def test_the_endpoints_are_described(address: str) -> None:
    """/gradio_api/info has the five endpoints, each with a description and typed parameters, and none of the page's."""
    info = httpx.get(f"{address}/gradio_api/info").json()
    assert set(info["named_endpoints"]) == {f"/{name}" for name in NAMES}
    assert info["unnamed_endpoints"] == {}
    for endpoint in info["named_endpoints"].values():
        assert len(endpoint["description"]) > 50
        assert all(parameter["type"] for parameter in endpoint["parameters"])
        assert endpoint["returns"][0]["type"]["type"] == "object"


def test_the_tools_are_described(address: str) -> None:
    """An agent is offered the five tools; every parameter has a type and a description, and only one is required."""
    tools = with_mcp(address, lambda session: session.list_tools()).tools
    assert {tool.name for tool in tools} == NAMES
    for tool in tools:
        assert "Returns: JSON with" in tool.description
        properties = tool.inputSchema["properties"]
        for schema in properties.values():
            assert schema["description"]
            assert {"type", "oneOf", "enum"} & schema.keys()
        assert tool.inputSchema["required"] == [next(iter(properties))]


def test_nothing_else_can_be_called(address: str, client: Client) -> None:
    """The page's own events have no name for a client, and there is no other tool."""
    with pytest.raises(ValueError, match="Cannot find a function"):
        client.predict("TNF", api_name="/on_ask")
    result = call(address, "on_ask", question="TNF")
    assert result.isError
    assert "Unknown tool" in text_of(result)


@pytest.mark.parametrize("root", ["", "/pfocr"])
def test_the_mcp_server_needs_no_slash(root: str, quoting: Assistant) -> None:
    """An agent gets on with either form of the address, without being sent elsewhere."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json, text/event-stream"}
    with served(quoting, Serving(root_path=root)) as address:
        told = [
            httpx.post(f"{address}{root}/gradio_api/mcp{slash}", json=body, headers=headers).text for slash in ("", "/")
        ]
    assert told[0] == told[1]
    assert "find_figures" in told[0]


def test_inner_routes_are_not_described(address: str) -> None:
    """The API has its OpenAPI description; what Gradio and FastAPI use themselves has none."""
    assert [httpx.get(f"{address}/{name}").status_code for name in ("openapi.json", "docs", "redoc")] == [404] * 3
    assert "/ask" in httpx.get(f"{address}/gradio_api/openapi.json").text


# Answers


def test_gradios_client_gets_the_answer(client: Client, quoting: Assistant) -> None:
    """ask returns the Answer's own values, with the number of its figures."""
    question = f"What does {FAK_2} show?"
    answer = quoting.ask(question)
    told = client.predict(question, api_name="/ask")
    assert told["text"] == answer.text
    assert told["citations"] == json.loads(json.dumps(answer.to_dict()["citations"]))
    assert (told["figids"], told["figures"], told["abstained"]) == ([FAK_2], 1, False)


def test_an_agent_gets_the_answer_as_json(address: str, quoting: Assistant) -> None:
    """What a tool returns is JSON, with Greek letters as they are, and equal to what the endpoint returns."""
    question = "Which figures show TNF?"
    text = text_of(call(address, "ask", question=question))
    assert json.loads(text)["text"] == quoting.ask(question).text
    assert "α" in text


def test_plain_http_gets_the_answer(address: str) -> None:
    """curl's way: one POST with the parameters in order."""
    response = httpx.post(f"{address}/gradio_api/run/ask", json={"data": [f"What does {FAK} show?", *REST]})
    assert response.status_code == 200
    (told,) = response.json()["data"]
    assert told["citations"][0]["figid"] == FAK


def test_an_abstention_is_told(client: Client) -> None:
    """Where no figure answers, the reason is there and no citation."""
    told = client.predict("How does ZZZP9 cure the plague?", api_name="/ask")
    assert told["abstained"]
    assert told["reason"]
    assert told["citations"] == []


def test_conditions_hold(client: Client) -> None:
    """Organism, years and genes narrow what is found."""
    everything = client.predict("all figures with TNF", api_name="/find_figures")
    assert {found["figid"] for found in everything["figures"]} == {BOTH, TNF_ONLY, UNDATED}
    for condition in ({"year_from": 2010}, {"organism": "mouse"}, {"genes": ["IL6"]}):
        found = client.predict("all figures with TNF", **condition, api_name="/find_figures")
        assert [figure["figid"] for figure in found["figures"]] == [BOTH], condition
    found = client.predict("all figures with TNF", year_to=2010, api_name="/find_figures")
    assert [figure["figid"] for figure in found["figures"]] == [TNF_ONLY]


def test_a_limit_cuts_and_the_total_stays(client: Client) -> None:
    """Fewer figures are returned than there are, wherever an answer names them, and their number is told."""
    found = client.predict("all figures with TNF", limit=1, api_name="/find_figures")
    assert (len(found["figures"]), found["total"]) == (1, 3)
    told = client.predict("all figures with TNF", limit=1, api_name="/ask")
    assert (len(told["figids"]), told["figures"], len(told["listing"]["tiers"])) == (1, 3, 1)


def test_a_limit_cuts_rows_and_their_number_stays(client: Client, quoting: Assistant) -> None:
    """A table has no more rows than wanted, in JSON and in the text, and it says how many there are."""
    question = "Which genes do figures with TNF show?"
    table = quoting.ask(question).table
    assert table
    assert len(table.rows) > 2
    told = client.predict(question, limit=2, api_name="/ask")["table"]
    assert ([row["label"] for row in told["rows"]], told["values"]) == (
        [row.label for row in table.rows[:2]],
        len(table.rows),
    )
    for by in ("gene", "year"):
        counted = client.predict("TNF", by, limit=1, api_name="/count")
        assert (len(counted["rows"]), counted["values"] > 1) == (1, True)
        labels = [row["label"] for row in client.predict("TNF", by, api_name="/count")["rows"]]
        assert [label for label in labels if f"| {label} |" in counted["text"]] == labels[:1]
        assert f"… and {counted['values'] - 1} more" in counted["text"]


LISTS = ["all figures with TNF", "Which figures show TNF?", "How many figures show TNF?", f"What does {FAK} show?"]
NEAREST = ["TNF", "How does TNF act on IL6?", "signalling of the Hippo pathway"]
NOTHING = [
    "How does ZZZP9 cure the plague?",
    "all figures with ZZZP9",
    "Hello!",
    "What does PMC999999__x.g1 show?",
    "the",
]


@pytest.mark.parametrize("question", LISTS)
def test_a_complete_list_says_so(question: str, client: Client, quoting: Assistant) -> None:
    """Where the figures are all that there are, total counts them: the same figures as ask has."""
    found = client.predict(question, api_name="/find_figures")
    assert (found["complete"], found["reason"]) == (True, None)
    assert {figure["figid"] for figure in found["figures"]} == set(quoting.ask(question).figids)
    assert found["total"] == len(found["figures"])


@pytest.mark.parametrize("question", NEAREST)
def test_the_nearest_figures_are_called_so(question: str, client: Client, quoting: Assistant) -> None:
    """Where figures are only near, no list is claimed; ask's come first, and as many follow as the limit lets."""
    found = client.predict(question, api_name="/find_figures")
    assert (found["complete"], found["reason"]) == (False, None)
    figids = [figure["figid"] for figure in found["figures"]]
    asked = quoting.ask(question).figids
    assert tuple(figids[: len(asked)]) == asked
    assert found["total"] == len(figids) == len(set(figids)) <= 10
    few = client.predict(question, limit=1, api_name="/find_figures")
    assert ([figure["figid"] for figure in few["figures"]], few["total"]) == (figids[:1], 1)
    many = client.predict(question, limit=50, api_name="/find_figures")
    assert [figure["figid"] for figure in many["figures"]][: len(figids)] == figids


@pytest.mark.parametrize("question", NOTHING)
def test_where_nothing_is_found_nothing_is_given(question: str, client: Client, quoting: Assistant) -> None:
    """Invented names, small talk and what the index lacks find no figure, for the reason for which ask abstains."""
    found = client.predict(question, api_name="/find_figures")
    assert (found["figures"], found["total"], found["complete"]) == ([], 0, False)
    answer = quoting.ask(question)
    assert found["reason"]
    assert found["reason"] == answer.reason or not answer.abstained
    table = client.predict(question, format="csv", api_name="/find_figures")
    assert list(csv.DictReader(io.StringIO(table["text"]))) == []


def test_how_a_question_was_read_is_told(client: Client, quoting: Assistant) -> None:
    """What was understood, what no record has, and the notes of the answer come with the figures."""
    found = client.predict("all figures with TNF or ZZZP9", api_name="/find_figures")
    answer = quoting.ask("all figures with TNF or ZZZP9")
    assert found["understood"] == str(answer.query)
    assert (found["unknown"], found["notes"]) == (["ZZZP9"], list(answer.notes))
    assert found["generation"] == answer.generation


def test_finding_asks_no_language_model(planted: Planted) -> None:
    """find_figures decides as ask does without a word of the language model."""
    llm, chat = scripted("Nothing.")
    with planted.assistant(llm) as writing:
        answer = writing.figures("How does TNF act on IL6?")
    assert answer.figids
    assert (answer.llm, chat.asked) == ("none", [])


def test_figures_come_in_other_formats(client: Client) -> None:
    """A format other than JSON comes as a file's text."""
    found = client.predict("all figures with TNF", format="csv", api_name="/find_figures")
    rows = list(csv.DictReader(io.StringIO(found["text"])))
    assert {row["figid"] for row in rows} == {BOTH, TNF_ONLY, UNDATED}
    assert "figures" not in found


def test_a_figure_is_told_whole(address: str) -> None:
    """figure has the record and every name read off the image, as printed, with the evidence."""
    told = json.loads(text_of(call(address, "figure", figid=FAK)))
    assert told["caption"] == RECORDS[FAK][0]["caption"]
    assert told["links"]["DOI"] == "https://doi.org/10.1234/planted.1"
    mention = next(m for m in told["mentions"] if m["name"] == "PTK2")
    assert mention == {"kind": "gene", "name": "PTK2", "word": "FAK", "evidence": "printed as a synonym", "id": "1"}


@pytest.mark.parametrize(
    "name",
    [
        FAK.lower(),
        FAK.upper(),
        f" {FAK} ",
        f"{FAK}.html",
        f"https://pfocr.wikipathways.org/figures/{FAK}.html",
        f"https://pfocr.wikipathways.org/figures/{FAK.lower()}.html?x=1#genes",
        f"/figures/{FAK}",
    ],
)
def test_a_figure_is_named_by_its_address_or_in_any_case(name: str, client: Client) -> None:
    """The address of the figure's page names it, and so does the figid in letters of another case."""
    assert client.predict(name, api_name="/figure")["figid"] == FAK


def test_a_gene_list_is_compared(address: str) -> None:
    """gene_list ranks figures by shared genes and says which names it does not know."""
    told = json.loads(text_of(call(address, "gene_list", genes=["TNF", "IL6", "CRP", "NOGENE9"])))
    assert told["result"]["rows"][0]["figid"] == BOTH
    assert told["list"]["unknown"] == ["NOGENE9"]
    assert "IL6" in told["text"]


@pytest.mark.parametrize("question", ["TNF", "How many figures show TNF?", "figures on TNF.", "all figures with TNF"])
def test_figures_are_counted(question: str, client: Client) -> None:
    """count has the total and the rows of a field, however the subject is put."""
    told = client.predict(question, api_name="/count")
    assert (told["total"], told["without"], told["by"]) == (3, 1, "year")
    assert told["rows"] == [{"label": "2005", "figures": 1}, {"label": "2020", "figures": 1}]
    told = client.predict(question, "gene", limit=1, api_name="/count")
    assert (told["total"], len(told["rows"])) == (3, 1)


def test_nothing_to_count_is_told(client: Client) -> None:
    """A name that no figure shows counts nothing, and the reason says so."""
    told = client.predict("ZZZP9", api_name="/count")
    assert (told["total"], told["rows"], told["abstained"]) == (0, [], True)
    assert "ZZZP9" in told["reason"]


# What goes wrong


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("ask", {"question": " "}, "“question” is empty."),
    ("ask", {"question": "q" * 4001}, "4,001"),
    ("ask", {"question": "TNF", "year_from": 1066}, "1066 is no year of publication."),
    ("ask", {"question": "TNF", "year_from": 2015, "year_to": 2010}, "The first year, 2015, is after the last, 2010."),
    ("ask", {"question": "TNF", "organism": "unicorn"}, "The index has no organism “unicorn”."),
    ("ask", {"question": "TNF", "genes": ["NOGENE9"]}, "The index has no gene “NOGENE9”."),
    ("find_figures", {"question": "TNF", "limit": 0}, f"“limit” must be a whole number from 1 to {MOST}."),
    ("find_figures", {"question": "TNF", "limit": MOST + 1}, "“limit” must be"),
    ("figure", {"figid": "PMC1__nothing"}, "The index has no figure “PMC1__nothing”."),
    ("figure", {"figid": ""}, "“figid” is empty."),
    ("gene_list", {"genes": []}, "There is no gene in the list."),
    ("gene_list", {"genes": [f"G{n}" for n in range(2001)]}, "2,001 names"),
    ("count", {"question": ""}, "“question” is empty."),
]


@pytest.mark.parametrize(("name", "arguments", "sentence"), WRONG)
def test_a_users_mistake_is_a_sentence(
    name: str,
    arguments: dict[str, Any],
    sentence: str,
    address: str,
    client: Client,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Every client is told in words what is wrong; nothing is logged as an error, and the server goes on."""
    with pytest.raises(AppError) as refused:
        client.predict(**arguments, api_name=f"/{name}")
    assert sentence in str(refused.value)
    result = call(address, name, **arguments)
    assert result.isError
    assert text_of(result) == refused.value.message
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "Traceback" not in capfd.readouterr().err
    assert httpx.get(f"{address}/healthz").status_code == 200


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("ask", [7], "“question” must be a text."),
        ("ask", [None], "“question” must be a text."),
        ("ask", ["TNF", ["mouse"]], "“organism” must be a text."),
        ("ask", ["TNF", "", "2015"], "“year_from” must be a year such as 2015, or left out."),
        ("ask", ["TNF", "", None, True], "“year_to” must be a year"),
        ("ask", ["TNF", "", None, None, [1]], "“genes” must be a list of texts."),
        ("ask", ["TNF", "", None, None, {"a": 1}], "“genes” must be a list of texts."),
        ("ask", ["TNF", "", None, None, [], "5"], "“limit” must be a whole number"),
        ("find_figures", ["TNF", "", None, None, [], 5, "pdf"], "“format” must be one of csv, json, bibtex, ris, gmt."),
        ("find_figures", ["TNF", "", None, None, [], 5, ["csv"]], "“format” must be one of"),
        ("count", ["TNF", "month"], "“by” must be one of year, journal, organism,"),
        ("gene_list", [None], "There is no gene in the list."),
        ("figure", [{"figid": FAK}], "“figid” must be a text."),
    ],
)
def test_values_of_another_type_are_a_sentence(name: str, data: list[Any], sentence: str, address: str) -> None:
    """Plain HTTP can send anything: what is not of its type is named, and never a traceback."""
    places = {"ask": 6, "find_figures": 7, "count": 7, "gene_list": 5, "figure": 1}
    given = data + [None] * (places[name] - len(data))
    response = httpx.post(f"{address}/gradio_api/run/{name}", json={"data": given})
    assert response.status_code == 400
    assert sentence in response.json()["error"]


@pytest.mark.parametrize("door", ["run", "api"])
def test_what_is_left_out_takes_its_default(door: str, address: str, client: Client) -> None:
    """A plain call needs no values for the parameters at the end."""
    for name, data in (("ask", ["TNF"]), ("find_figures", ["TNF", None, 2010]), ("count", ["TNF", "gene"])):
        answered = httpx.post(f"{address}/gradio_api/{door}/{name}", json={"data": data})
        assert answered.json()["data"][0] == client.predict(*data, api_name=f"/{name}")


def test_a_queued_call_takes_defaults_too(address: str) -> None:
    """Gradio's two-step call completes the values in the same way."""
    event = httpx.post(f"{address}/gradio_api/call/figure/", json={"data": [FAK]}).json()["event_id"]
    told = httpx.get(f"{address}/gradio_api/call/figure/{event}", timeout=60).text
    assert told.startswith("event: complete")
    assert FAK in told


@pytest.mark.parametrize(
    ("name", "body", "status", "sentence"),
    [
        ("ask", b'{"data": []}', 400, "“question” must be a text."),
        ("ask", b"TNF", 400, "The request is not JSON."),
        ("ask", b"", 400, "The request is not JSON."),
        ("ask", b"\xff", 400, "The request is not JSON."),
        ("ask", b"[" * 100_000, 400, "The request is not JSON."),
        ("ask", b'["TNF"]', 400, "The request has no list “data”"),
        ("ask", b'{"data": "TNF"}', 400, "The request has no list “data”"),
        (
            "ask",
            b'{"question": "TNF"}',
            400,
            "with question, organism, year_from, year_to, genes, limit, in this order",
        ),
        ("figure", b'{"data": ["a", "b"]}', 400, "“data” has 2 values, and figure takes 1: figid."),
        ("on_ask", b'{"data": ["TNF"]}', 404, "There are ask, find_figures, figure, gene_list, count."),
    ],
)
def test_what_is_no_call_is_a_sentence(
    name: str, body: bytes, status: int, sentence: str, address: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever is sent, the answer says in words what is wrong with it."""
    refused = httpx.post(f"{address}/gradio_api/run/{name}", content=body, headers={"Content-Type": "application/json"})
    assert refused.status_code == status
    assert sentence in refused.json()["error"]
    assert "Traceback" not in capfd.readouterr().err


def test_what_nobody_expected_is_an_apology(
    quoting: Assistant, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the server's own tells the caller no details; these are in the log."""

    def broken(*_: Any, **__: Any) -> Answer:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(quoting, "ask", broken)
    with served(quoting) as address:
        result = call(address, "ask", question="TNF")
        answered = httpx.post(f"{address}/gradio_api/run/ask", json={"data": ["TNF", *REST]})
    assert (result.isError, text_of(result)) == (True, APOLOGY)
    assert answered.json()["error"] == APOLOGY
    assert "secret detail" in caplog.text


# Many at once


def test_twenty_askers_each_get_their_own_answer(address: str) -> None:
    """Twenty clients ask at once, each about another figure or the same in turn, and nobody gets another's answer."""
    figids = [FAK, FAK_2, BOTH, TNF_ONLY, RAS] * 4

    def cited(figid: str) -> list[str]:
        body = {"data": [f"What does {figid} show?", *REST]}
        response = httpx.post(f"{address}/gradio_api/run/ask", json=body, timeout=120)
        return [citation["figid"] for citation in response.json()["data"][0]["citations"]]

    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(cited, figids)) == [[figid] for figid in figids]


def test_agents_share_the_server(address: str) -> None:
    """Several sessions of MCP clients at once each get their own answers."""

    async def ask_three(session: ClientSession) -> list[str]:
        results = [await session.call_tool("figure", {"figid": figid}) for figid in (FAK, BOTH, RAS)]
        return [json.loads(text_of(result))["figid"] for result in results]

    with ThreadPoolExecutor(5) as threads:
        found = list(threads.map(lambda _: with_mcp(address, ask_three), range(5)))
    assert found == [[FAK, BOTH, RAS]] * 5
