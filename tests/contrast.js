// Text of the page whose contrast with what is behind it is below WCAG 2.1 AA: 4.5, or 3 for large text.
(() => {
  const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const over = (top, below) => top.slice(0, 3).map((v, i) => v * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = (c) => {
    const [r, g, b] = c.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    const layers = [];
    for (; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const bad = new Set();
  const walk = document.createTreeWalker(document.querySelector("article, main"), NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode()); ) {
    const e = node.parentElement, style = getComputedStyle(e);
    if (!node.data.trim() || style.visibility === "hidden" || !e.getClientRects().length || style.opacity === "0") continue;
    const back = behind(e), text = over(parse(style.color), back);
    const [a, b] = [light(text), light(back)].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) bad.add(`${e.tagName}.${e.className} ${ratio.toFixed(2)} ${style.color}`);
  }
  document.documentElement.setAttribute("data-contrast", JSON.stringify([...bad]));
})();
