// What the pages do by themselves. Everything else works without it.
// 1. A page that has lost its live connection says since when. A first connection that fails, and an answer
//    that the service could not give, are asked for again.
// 2. In a quiet hour "3 min ago" grows old too: now and then the strip and the clocks are asked for again.
// 3. A post that is dragged to another day of the calendar opens the form that moves it, with that day.
// 4. The field that a page begins in is not begun in again when something new comes.
// 5. The card of a signal that somebody types into stays: it is asked for by name.
// 6. On a narrow window the navigation shows the screen that is open.
// 7. "g" and then "f" opens the freeze, for whoever has not switched such keys off.
(() => {
  "use strict";
  const body = document.body;
  const bar = document.getElementById("stale");
  let heard = Date.now();
  let lost = false;

  const time = (t) => new Date(t).toLocaleTimeString(document.documentElement.lang, { hour12: false });
  const show = () => {
    if (!bar || lost) return;
    lost = true;
    bar.querySelector("[data-since]").textContent = time(heard);
    bar.hidden = false;
    body.classList.add("is-stale");
  };
  const hide = () => {
    heard = Date.now();
    if (!bar || !lost) return;
    lost = false;
    bar.hidden = true;
    body.classList.remove("is-stale");
    // What changed meanwhile is asked for once.
    body.dispatchEvent(new CustomEvent("news", { bubbles: false }));
  };
  if (bar) {
    for (const name of ["news", "beat"]) body.addEventListener(name, () => { heard = Date.now(); });
    body.addEventListener("beat", hide);
    // Every third beat without news; nobody looks at a hidden page.
    let beats = 0;
    body.addEventListener("news", () => { beats = 0; });
    body.addEventListener("beat", () => {
      beats += 1;
      if (beats < 3 || document.hidden) return;
      beats = 0;
      body.dispatchEvent(new CustomEvent("quiet", { bubbles: false }));
    });
    body.addEventListener("htmx:sse:after:connection", hide);
    body.addEventListener("htmx:sse:error", show);
    // The extension comes back from a cut by itself, but not from a first connection that failed.
    let again = null;
    const failed = (e) => {
      const ours = e.target === body || ["live", "strip"].includes(e.target.id);
      const status = e.detail?.ctx?.response?.status ?? 0;
      const passes = status === 0 || status === 429 || status >= 500;
      if (again || !e.detail?.ctx || !ours || !passes) return;
      again = setTimeout(() => {
        again = null;
        body.dispatchEvent(new CustomEvent(e.target === body ? "reach" : "quiet", { bubbles: false }));
      }, 3000);
    };
    for (const name of ["htmx:response:error", "htmx:error"]) body.addEventListener(name, failed);
    setInterval(() => { if (!document.hidden && Date.now() - heard > 25000) show(); }, 1000);
  }

  addEventListener("load", () => requestAnimationFrame(() => {
    for (const field of document.querySelectorAll("[autofocus]")) field.removeAttribute("autofocus");
  }));

  for (const here of document.querySelectorAll("nav ul a[aria-current]")) {
    const [line, at] = [here.closest("ul"), here.getBoundingClientRect()];
    line.scrollLeft += at.left - line.getBoundingClientRect().left - (line.clientWidth - at.width) / 2;
  }

  document.addEventListener("input", (e) => {
    const keep = e.target.form?.querySelector("input[type=hidden][name=keep]");
    if (keep) keep.disabled = !e.target.value;
  });

  let dragged = null;
  const day = (e) => (dragged ? e.target.closest?.("li[data-day]") : null);
  document.addEventListener("dragstart", (e) => {
    const slot = e.target.closest?.(".slot[draggable]");
    dragged = slot ? slot.querySelector("a.move") : null;
    if (dragged) e.dataTransfer.effectAllowed = "move";
  });
  document.addEventListener("dragend", () => {
    dragged = null;
    for (const other of document.querySelectorAll("li.drop")) other.classList.remove("drop");
  });
  document.addEventListener("dragover", (e) => {
    const to = day(e);
    for (const other of document.querySelectorAll("li.drop")) if (other !== to) other.classList.remove("drop");
    if (!to) return;
    e.preventDefault();
    to.classList.add("drop");
  });
  document.addEventListener("drop", (e) => {
    const to = day(e);
    if (!to) return;
    e.preventDefault();
    to.classList.remove("drop");
    if (to === dragged.closest("li[data-day]")) return;
    location.assign(`${dragged.href}?on=${to.dataset.day}`);
  });

  let last = "";
  document.addEventListener("keydown", (e) => {
    const typing = e.target.closest("input, textarea, select, [contenteditable]");
    if (typing || e.ctrlKey || e.metaKey || e.altKey || body.dataset.keys !== "on") return;
    if (last === "g" && e.key === "f") {
      const link = document.querySelector("a.freeze-link");
      if (link) { e.preventDefault(); link.click(); }
    }
    last = e.key;
  });
})();
