// Convexity over the layers: the mean with its band, every class by name, what was published; or classes by layers.
const layerAxis = { field: "layer", type: "quantitative", title: data.words.layer, axis: { tickMinStep: 1, grid: false }, scale: { nice: false, padding: 8 } };
const percent = { type: "quantitative", title: data.words.convexity, scale: { zero: false } };

// Nothing where the error is not known: a band of no width would say that there is none.
function band(curve, i) {
  return curve.se[i] === null ? {} : { low: curve.mean[i] - curve.se[i], high: curve.mean[i] + curve.se[i] };
}

function lines(curve) {
  const mean = curve.layers.map((layer, i) => ({ layer, value: curve.mean[i], se: curve.se[i], best: curve.best[i], ...band(curve, i) }));
  const classes = curve.classes.flatMap(one => one.values.map((value, i) => ({ layer: curve.layers[i], value, name: one.name, n: one.n ?? "unknown" })));
  const tip = [{ field: "name", title: "class" }, { field: "value", title: "convexity %", format: ".2f" }, { field: "n", title: "points" }, { field: "layer", title: "layer" }];
  const y = { field: "value", ...percent };
  const layer = [
    { name: "band", data: { values: mean.filter(m => m.se !== null) }, mark: { type: "area", color: blue, opacity: 0.2, aria: false }, encoding: { x: layerAxis, y: { field: "low", ...percent }, y2: { field: "high" } } },
    { data: { values: classes }, mark: { type: "line", color: soft, opacity: 0.45, strokeWidth: 1, aria: false }, encoding: { x: layerAxis, y, detail: { field: "name" } } },
    { data: { values: classes }, transform: [{ filter: "datum.name === picked" }], mark: { type: "line", color: orange, strokeWidth: 2.6, strokeDash: [7, 2], aria: false }, encoding: { x: layerAxis, y } },
    { data: { values: mean }, mark: { type: "line", color: blue, strokeWidth: 2.6, aria: false }, encoding: { x: layerAxis, y } },
    { name: "spots", data: { values: classes }, mark: { type: "circle", color: orange, size: 130, aria: false }, encoding: { x: layerAxis, y, tooltip: tip, opacity: { condition: { test: "datum.name === picked", value: 0.9 }, value: 0 }, size: { condition: { test: "datum.name === picked", value: 46 }, value: 130 } } },
    { data: { values: mean }, mark: { type: "circle", color: blue, size: 46, opacity: 1, aria: false }, encoding: { x: layerAxis, y, tooltip: [{ field: "layer", title: "layer" }, { field: "value", title: "mean convexity %", format: ".2f" }, ...(curve.se[0] === null ? [] : [{ field: "se", title: "standard error", format: ".2f" }, { field: "best", title: "P(most convex)", format: ".2f" }])] } },
    { data: { values: mean.filter(m => m.layer === curve.chosen) }, mark: { type: "point", color: orange, size: 260, strokeWidth: 2.4, opacity: 1, aria: false }, encoding: { x: layerAxis, y } },
    { data: { values: mean.filter(m => m.layer === curve.chosen) }, mark: { type: "text", color: orange, dy: -18, fontSize: 12.5, aria: false }, encoding: { x: layerAxis, y, text: { value: `L${curve.chosen} chosen` } } },
  ];
  if (curve.published) {
    const values = curve.published.layers.map((layer, i) => ({ layer, value: curve.published.values[i], name: curve.published.title }));
    layer.push({ data: { values }, mark: { type: "line", color: ink, strokeDash: [4, 4], strokeWidth: 1.4, aria: false }, encoding: { x: layerAxis, y } },
      { data: { values }, mark: { type: "point", color: ink, size: 40, opacity: 1, aria: false }, encoding: { x: layerAxis, y, tooltip: [{ field: "name", title: "curve" }, { field: "layer", title: "layer" }, { field: "value", title: "convexity %", format: ".1f" }] } });
  }
  return { params: [{ name: "picked", value: "" }], layer, description: `Convexity of ${curve.title} over the layers; layer ${curve.chosen} chosen. The numbers are in the table below.` };
}

function heatMap(curve) {
  const average = one => one.values.reduce((a, b) => a + b, 0) / one.values.length;
  const order = [...curve.classes].sort((a, b) => average(b) - average(a)).map(one => one.name);
  const values = curve.classes.flatMap(one => one.values.map((value, i) => ({ layer: curve.layers[i], value, name: one.name, n: one.n ?? "unknown" })));
  return {
    height: Math.max(120, order.length * (order.length > 60 ? 8 : 15)),
    params: [{ name: "picked", value: "" }],
    data: { values },
    mark: { type: "rect", aria: false },
    encoding: {
      x: { field: "layer", type: "ordinal", title: layerAxis.title, axis: { labelAngle: 0 } },
      y: { field: "name", type: "nominal", sort: order, title: null, axis: { labelLimit: 110, labelOverlap: true } },
      color: { field: "value", type: "quantitative", scale: { scheme: "viridis", zero: false }, title: "convexity, %", legend: { orient: "top", gradientLength: 160 } },
      stroke: { condition: { test: "datum.name === picked", value: orange }, value: null },
      strokeWidth: { value: 2 },
      tooltip: [{ field: "name", title: "class" }, { field: "value", title: "convexity %", format: ".2f" }, { field: "n", title: "points" }, { field: "layer", title: "layer" }],
    },
    description: `Convexity of every class of ${curve.title} in every layer. The numbers are in the table below.`,
  };
}

for (const figure of document.querySelectorAll("figure.convexity")) {
  const curve = data.curves[figure.dataset.curve];
  const pick = figure.querySelector(".pick"), heat = figure.querySelector(".heat");
  const mark = () => figure.view?.signal("picked", pick.value).runAsync();
  const show = async () => {
    const view = await draw(figure, heat.checked ? heatMap(curve) : lines(curve));
    view.addEventListener("click", (_, item) => {
      if (!item?.datum?.name || item.datum.name === curve.published?.title) return;
      pick.value = pick.value === item.datum.name ? "" : item.datum.name;
      mark();
    });
    mark();
  };
  pick.addEventListener("change", mark);
  heat.addEventListener("change", show);
  figure.redraw = show;
  show();
}
