// Two analyses in one frame, and the second less the first in every layer.
const two = document.getElementById("two-figure");

function drawTwo() {
  const [a, b] = ["a", "b"].map(name => Number(document.getElementById(`two-${name}`).value));
  const pair = data.pairs.find(p => (p.a === a && p.b === b) || (p.a === b && p.b === a));
  const sign = pair?.a === a ? 1 : -1;
  const values = [...new Set([a, b])].flatMap(index => {
    const curve = data.curves[index];
    return curve.layers.map((layer, i) => ({ layer, name: curve.title, value: curve.mean[i], se: curve.se[i], ...band(curve, i) }));
  });
  const domain = [...new Set(values.map(v => v.name))];
  const color = { field: "name", type: "nominal", title: null, scale: { domain, range: [blue, orange] } };
  const y = { field: "value", ...percent };
  draw(two, {
    description: `Convexity of ${domain.join(" and ")} over the layers; the differences are in the table below.`,
    data: { values },
    layer: [
      { transform: [{ filter: "datum.se !== null" }], mark: { type: "area", opacity: 0.18, aria: false }, encoding: { x: layerAxis, y: { field: "low", ...percent }, y2: { field: "high" }, color }  },
      { mark: { type: "line", strokeWidth: 2.4, aria: false }, encoding: { x: layerAxis, y, color, strokeDash: { field: "name", type: "nominal", title: null, scale: { domain, range: [[1, 0], [6, 3]] } } } },
      { mark: { type: "point", filled: true, size: 50, opacity: 1, aria: false }, encoding: { x: layerAxis, y, color, shape: { field: "name", type: "nominal", title: null, scale: { domain, range: ["circle", "square"] } },
        tooltip: [{ field: "name", title: "analysis" }, { field: "layer", title: "layer" }, { field: "value", title: "convexity %", format: ".2f" }, { field: "se", title: "standard error", format: ".2f" }] } },
    ],
  });
  const caption = two.querySelector("figcaption");
  const table = document.getElementById("two-table");
  if (!pair) {
    caption.textContent = a === b ? "Choose two different analyses." : "They have other layers; no difference is given.";
    return fill(table, ["layer"], []);
  }
  const layers = data.curves[a].layers;
  const told = i => pair.se[i] === null ? "unknown" : Math.abs(pair.difference[i]) > 1.96 * pair.se[i] ? "yes" : "no";
  const known = pair.se.every(error => error !== null);
  caption.textContent = !known ? "The error of one of the two is not known, so no layer can be told apart."
    : `Bands: one standard error. ${layers.filter((_, i) => told(i) === "yes").length} of ${layers.length} layers differ by more than 1.96 standard errors of the difference`
    + (pair.paired ? ", which counts that both were measured on the same points." : ", taken as independent: the points are not the same.");
  const number = value => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
  fill(table, ["layer", data.curves[a].title, data.curves[b].title, "second less first", "s.e.", "told apart"],
    layers.map((layer, i) => [layer, data.curves[a].mean[i].toFixed(2), data.curves[b].mean[i].toFixed(2), number(sign * pair.difference[i]), pair.se[i]?.toFixed(2) ?? "–", told(i)]));
}

if (two) {
  for (const id of ["two-a", "two-b"]) document.getElementById(id).addEventListener("change", drawTwo);
  two.redraw = drawTwo;
  drawTwo();
}
