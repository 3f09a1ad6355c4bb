// The search: shows the entries that have all words of the field. Without it every entry is shown.
for (const field of document.querySelectorAll("input[data-target]")) {
  const target = document.getElementById(field.dataset.target);
  const found = document.getElementById("found-" + field.dataset.target);
  const none = target.closest("section")?.querySelector(".none");
  const entries = [...target.children];
  const search = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const entry of entries) {
      const hit = words.every((word) => entry.dataset.text.includes(word));
      entry.hidden = !hit;
      count += hit;
    }
    const what = entries.length === 1 ? field.dataset.one : field.dataset.many;
    found.textContent = (words.length ? count + " of " : "") + entries.length + " " + what;
    if (none) none.hidden = count > 0;
  };
  field.addEventListener("input", search);
  field.parentElement.hidden = false;
  search(); // a reloaded page may have kept its words
}
