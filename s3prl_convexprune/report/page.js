"use strict";
const board = document.getElementById("board");
const body = board.tBodies[0];
const made = [...body.rows];
const heads = [...board.tHead.rows[0].cells];
const filter = document.getElementById("filter");
const general = document.getElementById("general");
const select = document.getElementById("sort");
const count = document.getElementById("count");

function compare(index, direction) {
  return (a, b) => {
    const [x, y] = [a, b].map(row => row.cells[index].dataset.sort);
    if (x === "" || y === "") return (x === "") - (y === "");
    const order = heads[index].classList.contains("number") ? Number(x) - Number(y) : x.localeCompare(y);
    return direction === "ascending" ? order : -order;
  };
}

function sort(index, direction) {
  heads.forEach((head, i) => i === index ? head.setAttribute("aria-sort", direction) : head.removeAttribute("aria-sort"));
  body.append(...(index < 0 ? made : [...made].sort(compare(index, direction))));
  select.value = index < 0 ? "" : heads[index].dataset.key;
}

heads.forEach((head, index) => head.querySelector("button").addEventListener("click", () => {
  const opposite = { ascending: "descending", descending: "ascending" };
  sort(index, opposite[head.getAttribute("aria-sort")] || head.dataset.first);
}));
select.addEventListener("change", () => {
  const index = heads.findIndex(head => head.dataset.key === select.value);
  sort(index, index < 0 ? "" : heads[index].dataset.first);
});

function show() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of made) {
    const name = row.cells[0].textContent.toLowerCase();
    const hidden = !words.every(word => name.includes(word)) || (general.checked && row.dataset.taskSpecific === "1");
    row.hidden = hidden;
    shown += !hidden;
  }
  count.textContent = shown === made.length ? `${shown} rows` : `${shown} of ${made.length} rows`;
}
filter.addEventListener("input", show);
general.addEventListener("change", show);
show();

const details = JSON.parse(document.getElementById("details").textContent);
const dialog = document.getElementById("detail");
function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
board.addEventListener("click", event => {
  const button = event.target.closest("button[data-detail]");
  if (!button) return;
  const detail = details[button.dataset.detail];
  document.getElementById("detail-title").textContent = detail.title;
  dialog.querySelector("dl").replaceChildren(
    ...Object.entries(detail.facts).flatMap(([label, text]) => [element("dt", label), element("dd", text)]));
  dialog.querySelector("thead tr").replaceChildren(...detail.columns.map(title => element("th", title)));
  dialog.querySelector("tbody").replaceChildren(...detail.cells.map(cells => {
    const row = document.createElement("tr");
    row.append(...cells.map(text => element("td", text)));
    return row;
  }));
  dialog.showModal();
});
dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
