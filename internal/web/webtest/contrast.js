// Lists what is hard to read or to name on this page: text with a contrast below 4.5 to 1 (3 to 1 when large), as WCAG 2.2
// section 1.4.3 has it; fields and buttons without a name; ids that are there twice.
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const parse = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const part = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c[3] === 255) return c;
    }
    return [255, 255, 255, 255];
  };
  const wrong = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const told = new Set();
  for (let n = walker.nextNode(); n; n = walker.nextNode()) {
    const e = n.parentElement;
    if (!n.textContent.trim() || !e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) || e.closest("svg, script, .unseen, .skip, option")) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(parse(style.color)), light(behind(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const name = `${e.localName}.${e.className}: contrast ${ratio.toFixed(2)} of ${JSON.stringify(n.textContent.trim().slice(0, 40))}`;
    if (ratio < (large ? 3 : 4.5) && !told.has(e.className)) {
      told.add(e.className);
      wrong.push(name);
    }
  }
  for (const f of document.querySelectorAll("input:not([type=hidden]), select, textarea, button")) {
    if (!f.labels?.[0]?.textContent.trim() && !f.textContent.trim() && !f.ariaLabel && !f.getAttribute("aria-labelledby")) wrong.push(`field ${f.name || f.outerHTML} has no name`);
  }
  const ids = new Set();
  for (const e of document.querySelectorAll("[id]")) {
    if (ids.has(e.id)) wrong.push(`id ${e.id} is there twice`);
    ids.add(e.id);
  }
  return wrong;
})();
