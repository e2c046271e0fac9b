// Sending again counts down from the moment the page was opened. Without scripts the button is there at once.
for (const button of document.querySelectorAll("button[data-seconds]")) {
  const words = button.textContent;
  let left = Number(button.dataset.seconds);
  button.disabled = true;
  const tick = () => {
    if (left > 0) {
      button.textContent = button.dataset.wait.replace("{seconds}", left);
      left -= 1;
      setTimeout(tick, 1000);
      return;
    }
    button.textContent = words;
    button.disabled = false;
  };
  tick();
}
