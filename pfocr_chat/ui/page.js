// Keys in an answer open their card; a card leads back to its key. Numbers bring the list of the figures
// behind them. Works for every answer on the page.
(() => {
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

  function bringIntoView(element, block) {
    element.scrollIntoView({ behavior: calm.matches ? "auto" : "smooth", block });
  }

  function openCard(card) {
    const cards = card.closest(".pfc-cards");
    for (const other of cards.parentElement.querySelectorAll(".pfc-cards")) other.hidden = other !== cards;
    for (const other of cards.parentElement.querySelectorAll(".pfc-lit")) other.classList.remove("pfc-lit");
    card.open = true;
    card.classList.add("pfc-lit");
    card.querySelector("summary").focus({ preventScroll: true });
    bringIntoView(card, "nearest");
  }

  function goBack(key) {
    key.focus({ preventScroll: true });
    bringIntoView(key, "center");
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.pfc-key, a.pfc-back");
    if (!link) return;
    event.preventDefault();
    const target = document.getElementById(link.hash.slice(1));
    if (!target) return;
    if (link.matches(".pfc-key")) openCard(target);
    else goBack(target);
  });

  // A picture that cannot be loaded is looked for at the next address, then gives way to a sentence.
  document.addEventListener("error", (event) => {
    const picture = event.target;
    if (!(picture instanceof HTMLImageElement) || !picture.closest("#pfc-right")) return;
    const next = picture.dataset.next;
    delete picture.dataset.next;
    if (next) {
      picture.src = next;
    } else {
      picture.parentElement.classList.add("pfc-missing");
      picture.remove();
    }
  }, true);

  // What is typed for the person, to be changed or sent.
  function suggest(question) {
    const box = document.querySelector("#pfc-box textarea");
    box.value = question;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.focus();
  }

  // What a button asks for: something that is answered, or something that the page does at once.
  const answering = ["ask", "further", "without", "retry", "shared"];
  const always = ["hold", "drop", "filter-gene"]; // also while an answer is written
  const LATER = "An answer is being written; this can be done after it, or after Stop.";

  function isBusy() {
    return Boolean(document.querySelector("#pfc-stop")?.checkVisibility());
  }

  // One sentence that goes away by itself; screen readers say it.
  function tell(sentence) {
    let place = document.querySelector(".pfc-tell");
    if (!place) {
      place = document.createElement("p");
      place.className = "pfc-tell";
      place.setAttribute("role", "status");
      document.body.append(place);
    }
    place.textContent = sentence;
    setTimeout(() => { place.textContent = ""; }, 5000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.pfc-act");
    if (!button) return;
    const { name, value } = button;
    if (name === "ask-gene") {
      suggest(`Which figures show ${value}?`);
      return;
    }
    if (name === "share") {
      copy(button, new URL(`${location.pathname}?${value}`, location.origin).href);
      return;
    }
    if (isBusy() && !always.includes(name)) {
      tell(LATER);
      return;
    }
    if (name === "talk") {
      document.dispatchEvent(new CustomEvent("pfc-save", { detail: { talk: value } }));
      return;
    }
    const kind = answering.includes(name) ? "answer" : "act";
    document.dispatchEvent(new CustomEvent(`pfc-${kind}`, { detail: { act: name, value } }));
    if (name === "say" && !value.endsWith("-useful")) isCommenting = true;
    else if (kind === "act") document.querySelector("#pfc-box textarea").focus();
  });

  // What is clicked often goes away, with the focus; it then goes to the last question, or to where one is typed.
  let isMoved = false;
  let isCommenting = false;

  document.addEventListener("click", (event) => {
    isMoved = Boolean(event.target.closest("#pfc-left button, #pfc-top button, #pfc-right button"));
  }, true);

  function keepFocus() {
    const comment = isCommenting && document.querySelector("#pfc-comment textarea");
    if (comment) {
      isCommenting = false;
      comment.focus();
      return;
    }
    if (!isMoved || document.activeElement !== document.body) return;
    const last = [...document.querySelectorAll("#pfc-chat .pfc-question")].pop();
    if (last) last.tabIndex = -1;
    (last || document.querySelector("#pfc-box textarea"))?.focus({ preventScroll: true });
  }

  async function copy(button, text) {
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      window.prompt("Copy this:", text); // the clipboard is closed to pages that are not served securely
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.pfc-copy");
    if (button) copy(button, button.value);
  });

  // When the page can hear clicks: a question that stands in its address is asked, once; else what this tab showed
  // before it was loaded again, as it is after the server was restarted, is shown again, with what was being typed.
  document.addEventListener("pfc-ready", () => {
    const given = location.search;
    if (new URLSearchParams(given).get("q")) {
      history.replaceState(null, "", location.pathname);
      document.dispatchEvent(new CustomEvent("pfc-answer", { detail: { act: "shared", value: given } }));
      return;
    }
    const before = read(sessionStorage, TALK);
    const [draft = ""] = read(sessionStorage, DRAFT);
    const detail = { act: "restore", value: draft, kept: before };
    if (before.length || draft) document.dispatchEvent(new CustomEvent("pfc-act", { detail }));
  });

  // A server that was started again knows nothing of this tab: what it showed is then brought to it anew.
  let looked = 0;

  async function lookForServer() {
    const before = window.gradio_config?.app_id;
    if (!before || isBusy() || Date.now() - looked < 5000) return;
    looked = Date.now();
    try {
      const answer = await fetch(`${window.gradio_config.root || "."}/gradio_api/app_id`);
      const now = answer.ok && (await answer.json()).app_id;
      if (now && now !== before && !isBusy()) location.reload();
    } catch {
      // no server now; the next look may find one
    }
  }

  document.addEventListener("input", lookForServer);
  document.addEventListener("focusin", lookForServer);
  document.addEventListener("visibilitychange", lookForServer);

  window.addEventListener("pagehide", () => {
    const typed = document.querySelector("#pfc-box textarea")?.value;
    const asked = isBusy() && [...document.querySelectorAll("#pfc-chat .pfc-question")].pop()?.innerText;
    write(sessionStorage, DRAFT, [typed || asked || ""]);
  });

  // The last answers, in this browser's own store; what it gives back is text to the server like any other.
  const STORE = "pfocr-chat-history";
  const TALK = "pfocr-chat-conversation";
  const DRAFT = "pfocr-chat-draft";
  const KEPT = 40;

  function read(store, name) {
    try {
      const found = JSON.parse(store.getItem(name) || "[]");
      return Array.isArray(found) ? found : [];
    } catch {
      return [];
    }
  }

  function write(store, name, entries) {
    try {
      store.setItem(name, JSON.stringify(entries));
    } catch {
      // a full or closed store keeps nothing more
    }
  }

  const kept = () => read(localStorage, STORE).filter((entry) => entry && typeof entry === "object");
  const same = (one, other) => one.question === other.question && (one.said || "") === (other.said || "");

  document.addEventListener("pfc-kept", () => {
    const given = document.querySelector("#pfc-kept [data-kept]");
    if (!given) return;
    const talk = JSON.parse(given.dataset.kept);
    write(sessionStorage, TALK, talk);
    if (!("new" in given.dataset)) return;
    const entry = { ...talk[talk.length - 1], at: new Date().toISOString() };
    write(localStorage, STORE, [entry, ...kept().filter((other) => !same(other, entry))].slice(0, KEPT));
  });

  function showHistory(box) {
    const list = box.querySelector("ol");
    list.replaceChildren(...kept().map((entry) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const time = document.createElement("time");
      button.type = "button";
      button.className = "pfc-recall";
      button.textContent = String(entry.question) + (entry.said ? ` (figures ${entry.said})` : "");
      button.addEventListener("click", () => {
        box.open = false;
        if (isBusy()) tell(LATER);
        else document.dispatchEvent(new CustomEvent("pfc-act", { detail: { act: "recall", value: "", kept: entry } }));
      });
      time.textContent = String(entry.at).slice(0, 10);
      item.append(button, time);
      return item;
    }));
    if (!list.children.length) {
      const none = document.createElement("li");
      none.textContent = "Nothing yet.";
      list.append(none);
    }
  }

  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.(".pfc-history") && event.target.open) showHistory(event.target);
  }, true);

  document.addEventListener("click", (event) => {
    const open = document.querySelector(".pfc-history[open]");
    if (!open) return;
    if (event.target.closest(".pfc-forget")) {
      localStorage.removeItem(STORE);
      showHistory(open);
    } else if (!open.contains(event.target)) {
      open.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    const open = document.querySelector(".pfc-history[open]");
    if (event.key !== "Escape" || !open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });

  // What gets the focus when the list that was asked for has come.
  let wanted = null;

  function choose(address, focus) {
    wanted = focus;
    if (document.getElementById(address)) showList();
    else document.dispatchEvent(new CustomEvent("pfc-choose", { detail: { address } }));
  }

  function showList() {
    const list = document.querySelector(".pfc-results");
    if (!list || !wanted) return;
    const title = list.querySelector(".pfc-panel-title");
    (list.querySelector(wanted) || title).focus({ preventScroll: true });
    if (wanted !== ".pfc-group") bringIntoView(title, "start");
    wanted = null;
  }

  document.addEventListener("pfc-listed", () => requestAnimationFrame(() => { sayWidth(); showList(); }));

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.pfc-file");
    if (button) document.dispatchEvent(new CustomEvent("pfc-save", { detail: { form: button.value } }));
    const link = event.target.closest("a.pfc-count, a.pfc-page");
    if (!link) return;
    event.preventDefault();
    choose(link.hash.slice(1), ".pfc-panel-title");
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("select.pfc-group")) choose(event.target.value, ".pfc-group");
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.pfc-widen");
    if (!button) return;
    document.getElementById("pfc-columns").classList.toggle("pfc-wide");
    sayWidth();
    bringIntoView(button, "center");
  });

  function sayWidth() {
    const isWide = document.getElementById("pfc-columns")?.classList.contains("pfc-wide");
    for (const button of document.querySelectorAll(".pfc-widen")) button.setAttribute("aria-pressed", String(isWide));
  }

  window.pfcSave = (file) => {
    if (!file) return;
    const link = document.createElement("a");
    link.href = file.url;
    link.download = file.orig_name;
    document.body.append(link);
    link.click();
    link.remove();
  };

  // A new question comes to the top of the chat as its answer grows below it, until the visitor moves.
  let asked = 0;
  let isRising = false;
  for (const moves of ["wheel", "touchstart", "pointerdown", "keydown"]) {
    document.addEventListener(moves, () => { isRising = false; }, { passive: true, capture: true });
  }
  new MutationObserver(() => {
    const questions = document.querySelectorAll("#pfc-chat .pfc-question");
    const last = questions[questions.length - 1];
    if (questions.length > asked) isRising = true;
    asked = questions.length;
    if (isRising) last?.scrollIntoView({ block: "start" });
    keepFocus();
  }).observe(document, { subtree: true, childList: true });

  // What Gradio says to screen readers and is not so: each message labelled with its raw HTML, buttons as list items.
  new MutationObserver(() => {
    for (const message of document.querySelectorAll("#pfc-chat [data-testid][aria-label]")) {
      message.removeAttribute("aria-label");
    }
    for (const examples of document.querySelectorAll("#pfc-chat .examples[role=list]")) {
      examples.setAttribute("role", "group");
      examples.setAttribute("aria-label", "Examples");
    }
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"] });
})();
