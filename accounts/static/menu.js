// A menu of <details> works without this. With it, it closes by Escape, and when one goes elsewhere.
for (const menu of document.querySelectorAll("details.menu")) {
  const closeFor = (event) => { if (!menu.contains(event.target)) menu.open = false; };
  document.addEventListener("click", closeFor);
  document.addEventListener("focusin", closeFor);
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
