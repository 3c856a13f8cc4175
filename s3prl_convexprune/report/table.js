// Every sortable table sorts by any column; the board is filtered too.
function sorter(table) {
  const body = table.tBodies[0];
  const made = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const opposite = { ascending: "descending", descending: "ascending" };
  const compare = (index, direction) => (a, b) => {
    const [x, y] = [a, b].map(row => row.cells[index].dataset.sort);
    if (x === "" || y === "") return (x === "") - (y === "");
    const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : Number(x) - Number(y);
    return direction === "ascending" ? order : -order;
  };
  function sort(index, direction) {
    heads.forEach((head, i) => i === index ? head.setAttribute("aria-sort", direction) : head.removeAttribute("aria-sort"));
    body.append(...(index < 0 ? made : [...made].sort(compare(index, direction))));
  }
  heads.forEach((head, index) => head.querySelector("button").addEventListener("click", () =>
    sort(index, opposite[head.getAttribute("aria-sort")] || head.dataset.first)));
  return key => {
    const index = heads.findIndex(head => head.dataset.key === key);
    sort(index, index < 0 ? "" : heads[index].dataset.first);
  };
}
document.querySelectorAll("table.sortable").forEach(table => { table.sortBy = sorter(table); });

const board = document.getElementById("board");
if (board) {
  const filter = document.getElementById("filter");
  const general = document.getElementById("general");
  const rows = [...board.tBodies[0].rows];
  const show = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const name = row.cells[0].textContent.toLowerCase();
      row.hidden = !words.every(word => name.includes(word)) || (general.checked && row.dataset.taskSpecific === "1");
    }
    const shown = rows.filter(row => !row.hidden).length;
    document.getElementById("count").textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
  };
  filter.addEventListener("input", show);
  general.addEventListener("change", show);
  document.getElementById("sort").addEventListener("change", event => board.sortBy(event.target.value));
  show();
}
