// A button at every password field that shows what was typed. Without scripts the field works as it is.
for (const box of document.querySelectorAll(".password")) {
  const input = box.querySelector("input");
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-controls", input.id);

  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? box.dataset.hide : box.dataset.show;
    button.setAttribute("aria-label", shown ? box.dataset.hideLabel : box.dataset.showLabel);
  };
  button.addEventListener("click", () => show(input.type === "password"));
  // Sent as a password again, or browsers would keep it among the texts they suggest.
  input.form.addEventListener("submit", () => show(false));

  show(false);
  box.append(button);
}
