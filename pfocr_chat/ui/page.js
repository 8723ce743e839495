// Keys in an answer open their card; a card leads back to its key. Works for every answer on the page.
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

  // Gradio labels each message with its raw HTML, which a screen reader would read out.
  new MutationObserver(() => {
    for (const message of document.querySelectorAll("#pfc-chat [data-testid][aria-label]")) {
      message.removeAttribute("aria-label");
    }
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"] });
})();
