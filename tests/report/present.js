// Figures and images that are not there, or have no size; whether the page is dark.
window.addEventListener("load", async () => {
  const missing = [];
  for (const svg of document.querySelectorAll("figure svg")) {
    const box = svg.getBoundingClientRect(), drawn = svg.getBBox();
    if (box.width < 50 || box.height < 50 || drawn.width < 50) missing.push("svg " + svg.outerHTML.slice(0, 80));
    for (const use of svg.querySelectorAll("use"))
      if (!document.getElementById(use.getAttribute("xlink:href").slice(1))) missing.push("use");
    for (const image of svg.querySelectorAll("image"))
      await new Promise((done) => {
        const one = new Image();
        one.onload = done;
        one.onerror = () => { missing.push("image"); done(); };
        one.src = image.href.baseVal;
      });
  }
  for (const image of document.images) if (!image.naturalWidth) missing.push("img");
  const root = document.documentElement;
  root.setAttribute("data-figures", document.querySelectorAll("figure svg").length);
  root.setAttribute("data-missing", JSON.stringify(missing));
  root.setAttribute("data-dark", matchMedia("(prefers-color-scheme: dark)").matches);
});
