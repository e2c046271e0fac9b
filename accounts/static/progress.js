// Does what is left of a list that was looked at, and draws how far it is, from the same lines that /api answers with.
// Without scripts, or where anything is in the way, the form is sent as it is, and the answer is a page that grows.
async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (held + value).split("\n");
    held = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

async function run(form) {
  const answer = await fetch(form.dataset.stream, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": form.elements.csrf_token.value },
    body: "{}",
  });
  if (!answer.ok) return form.submit();

  const bar = form.querySelector("progress");
  const far = form.querySelector("[data-words]");
  form.querySelector(".progress").hidden = false;
  let finished = false;
  for await (const step of lines(answer.body)) {
    if (step.problem) {
      far.textContent = step.problem.title;
      return;
    }
    bar.max = step.done + step.left;
    bar.value = step.done;
    const counts = { done: step.done, total: step.done + step.left, left: step.left };
    far.textContent = far.dataset.words.replace(/{(\w+)}/g, (_, name) => counts[name]);
    finished = step.finished;
  }
  // An answer that was broken off has no such line: then the page stays, and its button goes on.
  if (finished) location.assign(form.dataset.after);
}

for (const form of document.querySelectorAll("form[data-stream]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      await run(form);
    } finally {
      button.disabled = false;
    }
  });
}
