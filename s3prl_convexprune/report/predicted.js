// Accuracy that SUPERB's head is predicted to have at every depth, with what was measured where it was.
for (const figure of document.querySelectorAll("figure.predicted")) {
  const screen = data.screens[figure.dataset.screen];
  const x = { field: "layer", type: "quantitative", title: "transformer layers kept", axis: { tickMinStep: 1, grid: false }, scale: { nice: false, padding: 14 } };
  const accuracy = { type: "quantitative", title: "accuracy (%)", scale: { zero: false } };
  const y = { field: "value", ...accuracy };
  const kinds = screen.measured.length ? ["predicted", "measured"] : ["predicted"];
  const marked = (name, range) => ({ [name]: { field: "kind", type: "nominal", title: null, scale: { domain: kinds, range } } });
  const kind = { ...marked("shape", ["circle", "diamond"]), ...marked("color", [blue, ink]) };
  const tip = { layer: { field: "layer", title: "layers" }, value: { field: "value", title: "accuracy %", format: ".2f" } };
  const rows = screen.rows.map(row => ({ ...row, kind: "predicted" })), measured = screen.measured.map(one => ({ ...one, kind: "measured" }));
  figure.redraw = () => draw(figure, {
    description: `Predicted accuracy of ${screen.title} by layers kept. The numbers are in the table below.`,
    layer: [
      { data: { values: rows }, mark: { type: "rule", color: blue, strokeWidth: 1.6, aria: false }, encoding: { x, y: { field: "low", ...accuracy }, y2: { field: "high" } } },
      { data: { values: rows }, mark: { type: "line", color: blue, strokeWidth: 1.6, aria: false }, encoding: { x, y } },
      { data: { values: rows.filter(row => row.layer === screen.chosen) }, mark: { type: "point", color: orange, size: 260, strokeWidth: 2.4, opacity: 1, aria: false }, encoding: { x, y } },
      { name: "marks", data: { values: rows }, mark: { type: "point", filled: true, size: 52, opacity: 1, aria: false }, encoding: { x, y, ...kind,
        tooltip: [tip.layer, tip.value, { field: "gap", title: "to the whole" }, { field: "heaviest", title: "heaviest state" }] } },
      { name: "measured", data: { values: measured }, mark: { type: "point", filled: true, size: 80, opacity: 1, aria: false }, encoding: { x, y, ...kind, tooltip: [{ field: "name", title: "measured" }, tip.layer, tip.value] } },
    ],
  });
  figure.redraw();
}
