// What of the page in the frame, as wide as a phone, lies beyond its edge.
window.addEventListener("load", () => {
  const inner = document.querySelector("iframe").contentDocument;
  const wide = [...inner.querySelectorAll("p, pre, figure, svg, h1, h2, h3, .wide, li")];
  const over = wide.filter((e) => e.getBoundingClientRect().right > 391).map((e) => e.outerHTML.slice(0, 90));
  document.documentElement.setAttribute("data-over", JSON.stringify([inner.documentElement.scrollWidth > 390, ...over]));
});
