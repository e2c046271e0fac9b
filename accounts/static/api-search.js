// Shows the calls that have all the words that are typed, and opens the one that the address names. Without scripts the
// contents and the search of the browser do.
const box = document.getElementById("api-search");
const input = box.querySelector("input");
const status = box.querySelector("[role=status]");
const calls = [...document.querySelectorAll("[data-call]")].map((element) => ({
  element,
  text: element.querySelector("summary").textContent.toLowerCase(),
}));

function search() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const call of calls) {
    const matches = words.every((word) => call.text.includes(word));
    call.element.hidden = !matches;
    found += matches;
  }
  for (const area of document.querySelectorAll("[data-area]")) {
    area.hidden = !area.querySelector("[data-call]:not([hidden])");
    area.open = words.length > 0 && !area.hidden;
  }
  status.textContent = words.length ? status.dataset.found.replace("{count}", found) : "";
}

function open() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  (target.closest("details") || target).scrollIntoView();
}

box.hidden = false;
input.addEventListener("input", search);
addEventListener("hashchange", open);
open();
