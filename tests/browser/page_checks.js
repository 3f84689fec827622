// What is asked of a page from within. Injected by page_checks.py; answers are lists of sentences, empty when all is well.
window.costeff = (() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const name = (e) => {
    const text = (e.getAttribute("aria-label") || e.textContent).trim().replace(/\s+/g, " ").slice(0, 40);
    return `<${e.localName}${e.id ? ` id=${e.id}` : ""}${e.className ? ` class=${e.className}` : ""}> ${text}`;
  };
  const shown = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  // Kept for the ears: moved off the screen or clipped to nothing, as the parent is or by itself.
  let unseen = new Map();
  const forReadersOnly = (e) => {
    if (!unseen.has(e)) {
      const parents = e !== document.body && forReadersOnly(e.parentElement);
      unseen.set(e, parents || e.matches(".skip") || getComputedStyle(e).clipPath === "inset(50%)");
    }
    return unseen.get(e);
  };

  // WCAG 2.2, relative luminance and contrast ratio
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = rgba(colour).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const background = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (rgba(colour)[3] === 255) return colour;
    }
    return "white";
  };

  const unfold = (open) => all("details").forEach((e) => (e.open = open));

  // A region may scroll sideways when it is named and the keyboard reaches it; a page may not.
  const scroller = (e) => {
    for (let at = e.parentElement; at && at !== document.body; at = at.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(at).overflowX)) return at;
    }
    return null;
  };
  const allowed = (e) => e && e.tabIndex === 0 && (e.ariaLabel || e.getAttribute("aria-labelledby"));

  function sideways() {
    const width = document.documentElement.clientWidth;
    const told = [];
    unseen = new Map(); // another view, another layout
    const over = new Set(); // what stands in an element that was told is not told again
    for (const e of all("body *")) {
      if (!shown(e) || forReadersOnly(e)) continue;
      const box = e.getBoundingClientRect();
      if (box.width && box.right > width + 1 && !allowed(scroller(e))) {
        if (!over.has(e.parentElement)) told.push(`${name(e)} ends at ${Math.round(box.right)} px of ${width}`);
        over.add(e);
      }
      const around = e.matches("table, figure, img, pre") && e.parentElement.getBoundingClientRect().right;
      if (around && box.right > around + 1 && !over.has(e)) told.push(`${name(e)} sticks out of what it stands in`);
      const cut = ["hidden", "clip"].includes(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1;
      if (cut && e.localName !== "img" && e.textContent.trim()) told.push(`${name(e)} is cut off`);
    }
    const scrolled = document.scrollingElement.scrollWidth;
    if (scrolled > width && !told.length) told.push(`the page is ${scrolled} px wide in ${width} px`);
    return told;
  }

  // WCAG 2.1, 1.4.12
  function spaced(on) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; } p { margin-bottom: 2em !important; }");
    document.adoptedStyleSheets = on ? [sheet] : [];
  }

  async function broken(asked) {
    const found = await axe.run(document, { runOnly: asked, resultTypes: ["violations"] });
    return found.violations.flatMap((rule) =>
      rule.nodes.map((n) => `${rule.id}: ${n.failureSummary.split("\n").slice(1).join(" ").trim()} ${n.html.slice(0, 160)}`));
  }

  // The keyboard's stops in the order of the page, with everything unfolded; the walk then begins at the top.
  let order = [];
  function stops() {
    unfold(true);
    const selector = "a[href], area[href], button, input, select, textarea, summary, iframe, [tabindex], [contenteditable]";
    order = all(selector).filter((e) => e.tabIndex >= 0 && !e.disabled && shown(e) && e.type !== "hidden");
    unfold(false);
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
    scrollTo(0, 0);
    const positive = order.filter((e) => e.tabIndex > 0).map((e) => `${name(e)} has a positive tabindex`);
    return { names: order.map(name), faults: positive };
  }
  function stop() {
    const e = document.activeElement;
    const told = [];
    if (e === document.body || e === null) return { at: null, faults: told };
    const style = getComputedStyle(e);
    const width = style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
    if (width < 2) told.push(`${name(e)} shows no focus`);
    else {
      const ratio = contrast(style.outlineColor, background(e.parentElement));
      if (ratio < 3) told.push(`${name(e)} shows its focus with a contrast of ${ratio.toFixed(1)}`);
    }
    const box = [...e.getClientRects()].find((r) => r.width && r.height);
    if (!box || box.right < 1 || box.left > innerWidth - 1 || box.bottom < 1 || box.top > innerHeight - 1) {
      told.push(`${name(e)} is focused off the screen`);
    } else {
      const x = (Math.max(box.left, 0) + Math.min(box.right, innerWidth)) / 2;
      const y = (Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2;
      const seen = document.elementFromPoint(x, y);
      if (seen && !e.contains(seen) && !seen.contains(e)) told.push(`${name(e)} is focused under ${name(seen)}`);
    }
    return { at: order.indexOf(e), faults: told, folded: e.localName === "summary" && !e.parentElement.open, name: name(e) };
  }

  // Print: what is read on the screen, with everything unfolded, is on paper too.
  const leftOut = ".skip, nav, .screen-only, .download, button, script, noscript";
  let texts = [];
  function remember() {
    unfold(true);
    texts = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const e = walker.currentNode.parentElement;
      if (walker.currentNode.data.trim() && shown(e) && !e.closest(leftOut)) texts.push(walker.currentNode);
    }
    unfold(false);
    return texts.length;
  }
  function printed() {
    const told = texts.filter((t) => !shown(t.parentElement)).map((t) => `not on paper: ${name(t.parentElement)}`);
    const paper = getComputedStyle(document.body).backgroundColor;
    if (rgba(paper)[3] && luminance(paper) < 0.9) told.push(`the paper is ${paper}`);
    const ratio = contrast(getComputedStyle(document.body).color, "white");
    if (ratio < 7) told.push(`the ink has a contrast of ${ratio.toFixed(1)}`);
    return [...told, ...sideways()];
  }

  const paint = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null;

  // The page as elements with the names of their attributes: texts and values left out.
  const skeleton = () => all("*").map((e) => `${e.localName} ${e.getAttributeNames().sort().join(" ")}`.trim());

  // Kinds of the addresses in attributes: where a page may lead, and what its images are made of.
  const carriers = ["href", "src", "srcset", "action", "formaction", "data", "poster", "cite", "background", "xlink:href", "ping"];
  const kind = (e, address) => {
    if (e.localName === "img" && /^data:image\//i.test(address)) return "data:image/";
    if (e.hasAttribute("download") && /^data:text\/csv[;,]/i.test(address)) return "data:text/csv";
    try {
      return new URL(address, location.href).protocol;
    } catch {
      return "no address";
    }
  };
  const addresses = () =>
    all("*").flatMap((e) => carriers.filter((name) => e.hasAttribute(name)).map((name) => kind(e, e.getAttribute(name))));

  return { addresses, unfold, sideways, spaced, stops, stop, remember, printed, paint, skeleton, broken };
})();
