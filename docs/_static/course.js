// Answers to the questions of a page. Without this they can still be read and unfolded.

function answered(form, value) {
  const status = form.querySelector("[role=status]");
  const answer = form.querySelector("details p");
  if (!value) {
    status.textContent = "";
  } else if (form.dataset.right === undefined) {
    status.textContent = `You predicted: ${value}.` + (answer ? " Read on, or unfold what was measured." : "");
  } else {
    status.textContent = (value === form.dataset.right ? "Yes. " : "Not quite. It is: ") + answer.textContent;
  }
}

for (const form of document.querySelectorAll("form.course-question")) {
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("change", event => answered(form, event.target.value));
}

// On paper nothing can be unfolded, and the page is white.
let theme;
addEventListener("beforeprint", () => {
  document.querySelectorAll("details").forEach(fold => { fold.open = true; });
  theme = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
});
addEventListener("afterprint", () => { document.documentElement.dataset.theme = theme; });
