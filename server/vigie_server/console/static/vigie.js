// What makes the console smoother; every page works without it.
"use strict";

// A filter form with data-live="ID" shows its answer in that element while one types.
for (const form of document.querySelectorAll("form[data-live]")) {
  const place = document.getElementById(form.dataset.live);
  const told = document.querySelector("[role=status]");
  let waiting = 0, asked = null;
  const refresh = async () => {
    const query = new URLSearchParams(new FormData(form));
    for (const [name, value] of [...query]) if (!value) query.delete(name);
    const address = `${form.action.split("?")[0]}?${query}`;
    asked?.abort();
    asked = new AbortController();
    try {
      const answer = await fetch(address, { signal: asked.signal, credentials: "same-origin" });
      if (!answer.ok || answer.redirected) { location.assign(address); return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      place.replaceChildren(...page.getElementById(form.dataset.live).childNodes);
      history.replaceState(null, "", address);
      localise(place);
      told.textContent = place.querySelector("caption, p")?.textContent ?? "";
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address);
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 300);
  });
}

// Instants are written in UTC; whoever reads them has a clock of their own.
function localise(within) {
  for (const time of within.querySelectorAll("time[data-moment]")) {
    const at = new Date(time.dateTime);
    time.title = time.textContent;
    const language = { fr: "fr-FR", en: "en-GB" }[document.documentElement.lang];
    time.textContent = at.toLocaleString(language, { dateStyle: "short", timeStyle: "short" });
  }
}
localise(document);

// A button with data-copy="ID" copies that element's text.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    document.querySelector("[role=status]").textContent = button.dataset.done;
  });
}

// An element with data-refresh="SECONDS" is read again until the page says it is whole.
function follow(place) {
  setTimeout(async () => {
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.getElementById(place.id);
      if (!place.contains(document.activeElement)) {
        if (found.querySelector("label").textContent !== place.querySelector("label").textContent)
          document.querySelector("[role=status]").textContent = found.querySelector("label").textContent;
        place.replaceChildren(...found.childNodes);
        localise(place);
        if (!found.dataset.refresh) { delete place.dataset.refresh; return; }
      }
    } catch { /* the next look may reach the server */ }
    follow(place);
  }, place.dataset.refresh * 1000);
}
for (const place of document.querySelectorAll("[data-refresh]")) follow(place);

// A file that is chosen goes into the text that is sent: as UTF-8, or as older spreadsheets write.
for (const input of document.querySelectorAll("input[data-into]")) {
  input.parentElement.hidden = false;
  input.addEventListener("change", async () => {
    const bytes = await input.files[0]?.arrayBuffer();
    if (!bytes) return;
    let text;
    try { text = new TextDecoder("utf-8", { fatal: true }).decode(bytes); }
    catch { text = new TextDecoder("windows-1252").decode(bytes); }
    document.getElementById(input.dataset.into).value = text;
  });
}

// A form that is on its way is not sent again by a second click.
const sending = new WeakSet();
addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (sending.has(event.target)) event.preventDefault();
  sending.add(event.target);
});
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const form of document.forms) sending.delete(form);
});

// A link to a folded verdict opens it.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.tagName === "DETAILS") target.open = true;
}
addEventListener("hashchange", unfold);
unfold();
