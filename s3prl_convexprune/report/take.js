// Tables as CSV, Markdown and LaTeX, as they are sorted and filtered; to the clipboard and to a file.
const data = JSON.parse(document.getElementById("data").textContent);

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function say(text) {
  document.getElementById("said").textContent = text;
}

function fill(table, columns, rows) {
  table.tHead.rows[0].replaceChildren(...columns.map(title => element("th", title, { scope: "col" })));
  table.tBodies[0].replaceChildren(...rows.map(cells => {
    const row = document.createElement("tr");
    row.append(...cells.map((text, i) => i ? element("td", text) : element("th", text, { scope: "row" })));
    return row;
  }));
}

function cellsOf(table) {
  const text = cell => {
    const copy = cell.cloneNode(true);
    copy.querySelectorAll("[data-leave]").forEach(part => part.remove());
    return copy.textContent.trim().replace(/\s+/g, " ");
  };
  return [...table.rows].filter(row => !row.hidden).map(row => [...row.cells].map(text));
}

const formats = {
  // a cell that a spreadsheet would take for a formula begins with an apostrophe; a number is no formula
  csv(rows) {
    const cell = text => {
      const plain = text.replaceAll("−", "-");
      const inert = /^[=+@\t\r-]/.test(plain) && !/^[+-][\d.]+( \[[+\d., -]+\])?$/.test(plain) ? `'${plain}` : plain;
      return /[",\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
    };
    return rows.map(row => row.map(cell).join(",")).join("\n") + "\n";
  },
  md(rows) {
    const cell = text => text.replace(/[\\`*\[\]<>|~$]/g, "\\$&").replace(/(?<!\w)_|_(?!\w)/g, "\\_");
    const line = row => `| ${row.join(" | ")} |`;
    const [head, ...body] = rows.map(row => row.map(cell));
    return [head, head.map((_, i) => i ? "-:" : "-"), ...body].map(line).join("\n") + "\n";
  },
  tex(rows) {
    const signs = { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "±": "$\\pm$", "−": "$-$",
      "→": "$\\to$", "↑": "$\\uparrow$", "↓": "$\\downarrow$", "†": "\\dag{}", "–": "--" };
    const cell = text => text.replace(/[\\~^±−→↑↓†–]|[&%$#_{}]/g, sign => signs[sign] || `\\${sign}`);
    const line = row => `${row.map(cell).map(text => text.startsWith("[") ? `{}${text}` : text).join(" & ")} \\\\`;
    const [head, ...body] = rows;
    return [`\\begin{tabular}{l${"r".repeat(head.length - 1)}}`, "\\toprule", line(head), "\\midrule", ...body.map(line),
      "\\bottomrule", "\\end{tabular}", ""].join("\n");
  },
};

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.body.appendChild(element("textarea", text));
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say(`${what} copied`);
}

function save(url, name) {
  const link = element("a", "", { href: url, download: name });
  link.click();
  say(`${name} saved`);
}

document.addEventListener("click", event => {
  const button = event.target.closest(".take[data-of] button");
  if (!button) return;
  const id = button.closest(".take").dataset.of;
  const kind = button.dataset.copy || button.dataset.save;
  const text = formats[kind](cellsOf(document.getElementById(id)));
  if (button.dataset.copy) copy(text, "table");
  else save(`data:text/plain;charset=utf-8,${encodeURIComponent(text)}`, `${id}.${kind}`);
});
