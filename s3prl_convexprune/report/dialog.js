// Behind a score: where it comes from, and the command that made it, as a shell takes it.
const dialog = document.getElementById("detail");
if (board) board.addEventListener("click", event => {
  const button = event.target.closest("button[data-detail]");
  if (!button) return;
  const detail = data.details[button.dataset.detail];
  document.getElementById("detail-title").textContent = detail.title;
  dialog.querySelector("dl").replaceChildren(
    ...Object.entries(detail.facts).flatMap(([label, text]) => [element("dt", label), element("dd", text)]));
  dialog.querySelector("pre").textContent = detail.command;
  fill(dialog.querySelector("table"), detail.columns, detail.cells);
  dialog.showModal();
});
document.getElementById("copy-command").addEventListener("click", () =>
  copy(dialog.querySelector("pre").textContent, "command"));
dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
