// Any two measures of every upstream, the front that nothing measured here beats, published ones as hollow marks.
const trade = document.getElementById("trade-off");
const kinds = { whole: "whole upstream", cut: "cut", published: "published elsewhere" };

function front(points, x, y) {
  const sign = measure => measure.higher_is_better ? 1 : -1;
  const at = (point, measure) => sign(measure) * point.values[measure.key][0];
  return points.filter(p => p.kind !== "published" && !points.some(q => q.kind !== "published"
    && at(q, x) >= at(p, x) && at(q, y) >= at(p, y) && (at(q, x) > at(p, x) || at(q, y) > at(p, y))));
}

// A cost that spans more than a factor of ten is drawn by factors; else what is small would share one corner.
function scaled(measure, values, tickCount) {
  const log = !measure.higher_is_better && !measure.key.startsWith("task.") && Math.min(...values) > 0 && Math.max(...values) > 10 * Math.min(...values);
  return { type: "quantitative", title: measure.title + (log ? " (log)" : ""), scale: { type: log ? "log" : "linear", ...(log ? {} : { zero: false }), nice: false, padding: 26 },
    axis: log ? { values: [1, 2, 5].flatMap(n => [...Array(9).keys()].map(e => n * 10 ** (e - 3))) } : tickCount ? { tickCount } : {} };
}

function drawTradeOff() {
  const { measures, points } = data.tradeOff;
  const [x, y] = ["x", "y"].map(name => measures.find(m => m.key === document.getElementById(`trade-${name}`).value));
  const withPublished = document.getElementById("trade-published")?.checked;
  const having = points.filter(p => x.key in p.values && y.key in p.values && (withPublished || p.kind !== "published"));
  const best = new Set(front(having, x, y));
  const text = values => values.length > 1 && values[1] !== values[2] ? `${values[0].toFixed(2)} (${values[1].toFixed(2)} to ${values[2].toFixed(2)})` : values[0].toFixed(2);
  const values = having.map(p => {
    const [a, b] = [p.values[x.key], p.values[y.key]];
    return { name: p.name, label: p.label, kind: kinds[p.kind], front: best.has(p), x: a[0], y: b[0], xLow: a[1] ?? a[0], xHigh: a[2] ?? a[0], yLow: b[1] ?? b[0], yHigh: b[2] ?? b[0],
      xText: text(a), yText: text(b) };
  });
  const present = Object.values(kinds).filter(kind => values.some(v => v.kind === kind));
  const shapes = { [kinds.whole]: "square", [kinds.cut]: "circle", [kinds.published]: "diamond" };
  const across = scaled(x, values.flatMap(v => [v.xLow, v.xHigh]), Math.round(trade.clientWidth / 90)), up = scaled(y, values.flatMap(v => [v.yLow, v.yHigh]));
  const X = { field: "x", ...across }, Y = { field: "y", ...up };
  const kind = { field: "kind", type: "nominal" };
  const bars = [x, y].filter(m => m.bars).map(m => `${m.title.split(",")[0]}: ${m.bars}`);
  const tooltip = [{ field: "name", title: "upstream" }, { field: "yText", title: y.title }, { field: "xText", title: x.title }, { field: "kind", title: "kind" }];
  draw(trade, {
    height: innerWidth < 600 ? 300 : 380,
    description: `${y.title} against ${x.title}, ${values.length} upstreams; the numbers are in the table below.`,
    data: { values },
    layer: [
      { transform: [{ filter: "datum.front" }], mark: { type: "line", color: orange, strokeDash: [5, 4], strokeWidth: 1.6, aria: false }, encoding: { x: X, y: Y, order: { field: "x", type: "quantitative" } } },
      { mark: { type: "rule", color: soft, strokeWidth: 1.2, aria: false }, encoding: { x: X, y: { field: "yLow", ...up }, y2: { field: "yHigh" } } },
      { mark: { type: "rule", color: soft, strokeWidth: 1.2, aria: false }, encoding: { y: Y, x: { field: "xLow", ...across }, x2: { field: "xHigh" } } },
      { name: "marks", mark: { type: "point", filled: true, size: 95, strokeWidth: 2, opacity: 1 }, encoding: { x: X, y: Y, tooltip,
        shape: { ...kind, title: null, scale: { domain: present, range: present.map(k => shapes[k]) }, legend: { symbolSize: 90 } },
        stroke: { condition: { test: `datum.kind === '${kinds.published}'`, value: soft }, value: blue },
        fill: { condition: { test: "datum.front", value: blue }, value: paper } } },
    ],
  }, spec => {
    spec.legends[0].encode = { symbols: { update: { fill: { value: paper }, stroke: { value: ink }, strokeWidth: { value: 2 }, opacity: { value: 1 } } } };
    spec.marks.push({ type: "text", from: { data: "marks_marks" }, interactive: false, aria: false,
      encode: { enter: { text: { field: "datum.label" }, fontSize: { value: 12 }, font: { value: config.font }, fill: { signal: `datum.datum.kind === '${kinds.published}' ? '${soft}' : '${ink}'` } } },
      transform: [{ type: "label", size: { signal: "[width, height]" }, offset: [5, 9], padding: 0, sort: { field: "datum.datum.kind", order: "descending" } }] });
    return spec;
  });
  const missing = points.filter(p => p.kind === "published").length && !having.some(p => p.kind === "published") && withPublished;
  trade.querySelector("figcaption").textContent = "Filled: no other measured row is better in one and at least as good in the other (the Pareto front, dashed)."
    + (bars.length ? ` Bars: ${bars.join("; ")}.` : "") + (missing ? " Published rows have none of this pair (their MACs are of other files)." : "");
  fill(document.getElementById("trade-table"), ["Upstream", y.title, x.title, "kind", "on the front"],
    values.map(v => [v.name, v.yText, v.xText, v.kind, v.front ? "yes" : "no"]));
}

if (trade) {
  for (const id of ["trade-x", "trade-y", "trade-published"]) document.getElementById(id)?.addEventListener("change", drawTradeOff);
  trade.redraw = drawTradeOff;
  drawTradeOff();
}
