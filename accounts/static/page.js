// What every page gets from scripts: one file, so that a page is three requests. Without it all of it works as it is.

// A button at every password field that shows what was typed.
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

// Moments in the zone of this browser, and in UTC on hover: as the server writes them, or how far they are.
const { lang } = document.documentElement;
const locale = lang === "en" ? "en-GB" : lang;
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
const units = [["day", 86400], ["hour", 3600], ["minute", 60]];

const write = (at, timeZone) =>
  [{ dateStyle: "long" }, { timeStyle: "short" }]
    .map((style) => new Intl.DateTimeFormat(locale, { ...style, timeZone }).format(at))
    .join(", ");

const distance = (at) => {
  const seconds = Math.round((at - Date.now()) / 1000);
  const [unit, length] = units.find(([, each]) => Math.abs(seconds) >= each) ?? ["second", 60];
  return relative.format(Math.trunc(seconds / length) || 0, unit);
};

const showTimes = (selector) => {
  for (const time of document.querySelectorAll(`time${selector}`)) {
    const at = new Date(time.dateTime);
    time.textContent = time.dataset.format === "relative" ? distance(at) : write(at);
    time.title = `${write(at, "UTC")} UTC`;
  }
};
showTimes("[data-format]");
if (document.querySelector("time[data-format=relative]")) {
  setInterval(() => document.hidden || showTimes("[data-format=relative]"), 15000);
}

// Forms that may learn the zone of whoever has never said one.
const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
for (const input of document.querySelectorAll("input[data-zone]")) input.value ||= timeZone ?? "";
