"use strict";

const at = id => document.getElementById(id);
const xsrf = document.querySelector("meta[name=xsrf]").content;
const drawn = {};     // what each part of the page was drawn from
const SILENCE = 40000, AGAIN = 5000;     // milliseconds; the service says something every 15 seconds
let source, silence, view = null, projector = new URLSearchParams(location.search).has("projector");

// Text is always set as text: names and answers are never markup.
function make(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
const titled = (place, exercise) => `${exercise ? "Exercise" : "Lesson"} ${place.replaceAll("-", " ")}`;
const named = people => people.names?.length ? [make("span", {className: "names"}, ` ${people.names.join(", ")}`)] : [];

function answer(each, most) {
  const bar = make("span", {className: "bar", ariaHidden: "true"});
  bar.style.width = `${100 * each.count / most}%`;
  return make("li", {className: each.engine ? "engine" : ""},
    make("span", {className: "answer"}, each.engine ? `${each.answer} ⚙ the engine` : each.answer),
    bar, make("span", {className: "count"}, String(each.count)), ...named(each));
}

function question(each, learners) {
  const button = make("button", {type: "button", ariaExpanded: String(each.revealed)}, each.revealed ? "Hide answers" : "Reveal answers");
  button.dataset.key = each.question;
  button.setAttribute("aria-label", `${button.textContent}: ${each.question}`);
  button.onclick = () => reveal(each.question, !each.revealed);
  const most = Math.max(1, ...(each.answers ?? []).map(one => one.count));
  return make("article", {}, make("h3", {}, each.question),
    make("p", {className: "soft"}, `${titled(each.lesson)} · ${each.predicted ? "prediction" : "question"} · `
      + `${each.answered} of ${counted(learners, "learner")}`),
    button, ...(each.revealed ? [make("ul", {className: "answers"}, ...each.answers.map(one => answer(one, most)))] : []));
}

function exercise(each) {
  const line = (mark, words, people, name = "") => make("p", {className: name}, `${mark} ${words}: ${people.count}`, ...named(people));
  return make("article", {className: each.stuck.length ? "stuck" : ""}, make("h3", {}, titled(each.exercise, true)),
    line("✔", "passed", each.passed), line("▶", "trying", each.trying),
    ...each.stuck.map(one => line("✘", `stuck, ${one.why}`, one, "wrong")));
}

const place = each => make("li", {}, `${titled(each.place, each.exercise)}: ${each.count}`, ...named(each));

// A part is drawn again only where it has changed, and the focus stays.
function draw(id, facts, children) {
  const now = JSON.stringify(facts);
  if (drawn[id] === now) return;
  drawn[id] = now;
  const key = document.activeElement?.dataset.key;
  at(id).replaceChildren(...(children.length ? children : [make("p", {className: "soft"}, "Nothing yet.")]));
  [...at(id).querySelectorAll("button")].find(each => key && each.dataset.key === key)?.focus();
}

function show() {
  if (!view) return;
  const lessons = [...new Set(view.questions.map(each => each.lesson))], select = at("lesson");
  if (select.options.length !== lessons.length + 1) {
    const chosen = select.value;
    select.replaceChildren(new Option("all", ""), ...lessons.map(each => new Option(each.replaceAll("-", " "), each)));
    select.value = chosen;
  }
  const asked = view.questions.filter(each => !select.value || each.lesson === select.value);
  draw("questions", [asked, view.learners], asked.map(each => question(each, view.learners)));
  draw("exercises", view.exercises, view.exercises.map(exercise));
  draw("where", view.where, view.where.map(place));
}

function say(words) {
  if (at("status").textContent !== words) at("status").textContent = words;
}

// A proxy may keep a connection open whose other end is gone.
function wait(milliseconds) {
  clearTimeout(silence);
  silence = setTimeout(() => { say("Not connected, trying again. Reload the page if this stays."); connect(); }, milliseconds);
}

function connect() {
  source?.close();
  wait(SILENCE);
  source = new EventSource(`stream?_xsrf=${encodeURIComponent(xsrf)}${projector ? "" : "&names=yes"}`);
  source.onmessage = message => {
    wait(SILENCE);
    view = JSON.parse(message.data);
    say(`${counted(view.learners, "learner")} so far. Live.`);
    show();
  };
  source.onerror = () => { if (source.readyState === EventSource.CLOSED) wait(AGAIN); };    // else the browser tries again
}

async function reveal(name, shown) {
  const answered = await fetch("reveal", {method: "POST", headers: {"X-XSRFToken": xsrf}, body: JSON.stringify({question: name, shown})})
    .catch(() => ({ok: false}));
  if (!answered.ok) say("The service refused. Reload the page.");
}

function turn() {
  document.body.classList.toggle("projector", projector);
  at("projector").ariaPressed = String(projector);
  history.replaceState(null, "", projector ? "?projector" : location.pathname);
  for (const id of ["questions", "exercises", "where"]) { at(id).replaceChildren(); delete drawn[id]; }    // no name stays
  connect();
}

at("projector").onclick = () => { projector = !projector; turn(); };
at("lesson").onchange = show;
turn();
