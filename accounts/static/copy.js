// A button beside whatever may be copied. Without scripts it is text that can be selected.
for (const box of document.querySelectorAll("[data-copy]")) {
  const source = box.querySelector("input, code");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = box.dataset.copy;
  // Of many such buttons, each says what it copies.
  button.setAttribute("aria-describedby", box.dataset.copyLabel);
  button.setAttribute("aria-live", "polite");
  let later = 0;
  button.addEventListener("click", async () => {
    const text = source.value ?? source.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // No clipboard where the page came without TLS, or may not write: what is selected can still be copied by hand.
      if (source.select) source.select();
      else getSelection().selectAllChildren(source);
      return;
    }
    button.textContent = box.dataset.copied;
    clearTimeout(later);
    later = setTimeout(() => (button.textContent = box.dataset.copy), 3000);
  });
  box.append(button);
}
