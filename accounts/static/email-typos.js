// Asks about an address that looks mistyped when its field is left. The server asks, too, and decides nothing by it.
function slips(one, other) {
  let before = [];
  let above = [...other, ""].map((_, j) => j);
  for (let i = 1; i <= one.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= other.length; j += 1) {
      let cost = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + Number(one[i - 1] !== other[j - 1]));
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        cost = Math.min(cost, before[j - 2] + 1);
      }
      row.push(cost);
    }
    [before, above] = [above, row];
  }
  return above[other.length];
}

function findProvider(domain, providers) {
  const near = providers.map((each) => [slips(domain, each), each]).sort((one, other) => one[0] - other[0])[0];
  const provider = near[1];
  if (near[0] === 0 || near[0] > 2) return "";
  if (Math.min(domain.length, provider.length) >= 8) return provider;
  const sorted = (text) => [...text].sort().join("");
  const isClear = sorted(domain) === sorted(provider) || domain.split(".")[0] === provider.split(".")[0];
  return near[0] === 1 && isClear ? provider : "";
}

for (const form of document.querySelectorAll("form[data-email-providers]")) {
  const providers = form.dataset.emailProviders.split(" ");
  const others = form.dataset.otherProviders.split(" ");
  const field = form.elements.email;
  const box = document.createElement("p");
  box.className = "notice ask";
  box.setAttribute("role", "status");
  box.hidden = true;
  field.after(box);

  // A question that comes between the field and the button would move the button away from under the pointer.
  let isPressing = false;
  form.querySelector(".primary").addEventListener("pointerdown", () => { isPressing = true; });
  document.addEventListener("pointerup", () => { isPressing = false; });

  field.addEventListener("blur", () => {
    if (isPressing || field.value === form.elements.checked_address?.value) return;
    const [local, typed = ""] = field.value.trim().split("@");
    const domain = typed.toLowerCase();
    const provider = domain && !others.includes(domain) ? findProvider(domain, providers) : "";
    box.hidden = !provider;
    if (!provider) return;
    const meant = `${local}@${provider}`;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = form.dataset.yes;
    button.addEventListener("click", () => {
      field.value = meant;
      box.hidden = true;
      field.focus();
    });
    box.replaceChildren(form.dataset.question.replace("{email}", meant), " ", button);
  });
}
