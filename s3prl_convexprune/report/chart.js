// What all figures share. Their colours are the page's own variables, so they follow light, dark and print.
const blue = "var(--blue)", orange = "var(--orange)", ink = "var(--ink)", soft = "var(--soft)", line = "var(--line)", paper = "var(--raised)";
const axis = { labelColor: soft, titleColor: soft, gridColor: line, domainColor: soft, tickColor: soft, titleFontWeight: "normal",
  labelFontSize: 12, titleFontSize: 12.5, gridOpacity: 0.7, titlePadding: 8 };
const config = {
  background: null, font: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
  view: { stroke: null }, axis,
  legend: { labelColor: ink, titleColor: soft, titleFontWeight: "normal", labelFontSize: 12.5, orient: "top", symbolStrokeWidth: 2, labelLimit: 320, symbolStrokeColor: ink, columns: innerWidth < 600 ? 1 : 0 },
};

// Drawn as wide as its place, and anew when that changes on the screen; in print it is scaled.
const places = new ResizeObserver(seen => seen.forEach(({ target, contentRect }) => {
  const figure = target.closest("figure");
  if (!matchMedia("print").matches && contentRect.width > 0 && Math.abs(contentRect.width - figure.drawn) > 4) figure.redraw?.();
}));

async function draw(figure, spec, patch) {
  const chart = figure.querySelector(".chart");
  figure.drawn = chart.clientWidth;
  const result = await vegaEmbed(chart, { $schema: "https://vega.github.io/schema/vega-lite/v6.json", width: figure.drawn, height: 300, autosize: { type: "fit-x", contains: "padding" }, ...spec },
    { ast: true, actions: false, renderer: "svg", config, patch, tooltip: { theme: "custom" }, logLevel: 1 });
  figure.view = result.view;
  places.observe(chart);
  return result.view;
}

// A figure by itself stands on white, with the light colours and no variable in it.
async function standalone(figure) {
  const text = await figure.view.toSVG();
  const probe = document.body.appendChild(element("div", "", { class: "light", hidden: "" }));
  const style = getComputedStyle(probe);
  const made = text.replace(/var\((--[a-z]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
  probe.remove();
  return made.replace(/(<svg[^>]*>)/, '$1<rect width="100%" height="100%" fill="#fff"/>');
}

async function png(svg, scale = 3) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width * scale, image.height * scale];
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png");
}

document.addEventListener("click", async event => {
  const button = event.target.closest("button[data-figure]");
  if (!button) return;
  const figure = button.closest("figure");
  const svg = await standalone(figure);
  const url = button.dataset.figure === "svg" ? `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}` : await png(svg);
  save(url, `${figure.dataset.name}.${button.dataset.figure}`);
});
