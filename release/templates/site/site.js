// The search: shows the entries that have all words of the field. Without it every entry is shown.
// Spellings that differ by "ae" are one (haemoglobin, hemoglobin), and so are a plural and its singular.
const plain = (text) => text.toLowerCase().replace(/ae/g, "e").replace(/oe/g, "e");
const has = (text, word) => text.includes(word) || (word.length > 3 && word.endsWith("s") && text.includes(word.slice(0, -1)));
for (const field of document.querySelectorAll("input[data-target]")) {
  const target = document.getElementById(field.dataset.target);
  const found = document.getElementById("found-" + field.dataset.target);
  const none = target.closest("section")?.querySelector(".none");
  const fold = target.closest("details");
  const entries = [...target.children];
  const search = () => {
    const words = plain(field.value).split(/\s+/).filter(Boolean);
    let count = 0;
    for (const entry of entries) {
      const text = plain(entry.dataset.text);
      const hit = words.every((word) => has(text, word));
      entry.hidden = !hit;
      count += hit;
    }
    if (fold && words.length) fold.open = true;
    const what = entries.length === 1 ? field.dataset.one : field.dataset.many;
    found.textContent = (words.length ? count + " of " : "") + entries.length + " " + what;
    if (none) none.hidden = count > 0;
  };
  field.addEventListener("input", search);
  field.parentElement.hidden = false;
  search(); // a reloaded page may have kept its words
}

// Narrow screens show rows as blocks, at which browsers forget that they are rows: so it is said again there.
const narrow = window.matchMedia("(max-width: 44rem)");
const ROLES = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
const adapt = () => {
  for (const part of document.querySelectorAll("table, thead, tbody, tr, th, td")) {
    const role = ROLES[part.tagName] || (part.scope === "row" ? "rowheader" : "columnheader");
    if (narrow.matches) part.setAttribute("role", role); else part.removeAttribute("role");
  }
  for (const fold of document.querySelectorAll("details.fold")) fold.open = !narrow.matches;
};
narrow.addEventListener("change", adapt);
adapt();
