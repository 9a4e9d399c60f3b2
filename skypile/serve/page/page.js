"use strict";
// Everything that comes from a text or an answer goes in by textContent: nothing of it is markup.

const byId = (id) => document.getElementById(id);
const LAYERS = 6;

function make(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function shown(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(6)));
}

async function ask(path, body) {
  const headers = {};
  const key = byId("key").value.trim();
  if (key) headers.Authorization = "Bearer " + key;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, {
    method: body === undefined ? "GET" : "POST",
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "omit",
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error.message + "; " + told.error.hint);
  return told;
}

// Where one span overlaps another the text is cut at the borders of both, so each piece of it knows
// all spans that it lies in.
function pieces(chars, spans) {
  const borders = new Set([0, chars.length]);
  for (const span of spans) { borders.add(span.start); borders.add(span.stop); }
  const places = [...borders].sort((a, b) => a - b);
  const starts = [...spans].sort((a, b) => a.start - b.start);
  const found = [];
  let open = [], next = 0;
  for (let at = 0; at + 1 < places.length; at++) {
    const [start, stop] = [places[at], places[at + 1]];
    open = open.filter((span) => span.stop > start);
    while (next < starts.length && starts[next].start <= start) open.push(starts[next++]);
    found.push({ text: chars.slice(start, stop).join(""), spans: [...open] });
  }
  return found;
}

// What rules count that the text meets is seldom what a person looks for.
function wanted(answer) {
  if (byId("met").checked) return answer.spans;
  const broken = new Set(answer.rules
    .filter((rule) => rule.result === "decided" || rule.result === "broken")
    .map((rule) => rule.column));
  return answer.spans.filter((span) => span.column === null || broken.has(span.column));
}

function mark(answer) {
  const spans = wanted(answer);
  const marked = byId("marked");
  marked.replaceChildren();
  // Offsets count code points, and a string of JavaScript counts halves of some of them.
  for (const piece of pieces(Array.from(answer.text || ""), spans)) {
    if (!piece.spans.length) { marked.append(piece.text); continue; }
    const deciding = piece.spans.some((span) => span.deciding);
    const node = make("mark", piece.text, deciding ? "deciding" : "other");
    node.title = piece.spans.slice(0, LAYERS)
      .map((span) => span.label + (span.column ? " (" + span.column + ")" : "")).join("\n");
    marked.append(node);
  }
  const kinds = new Map();
  for (const span of spans) {
    const name = span.label + (span.deciding ? " – decides" : "");
    kinds.set(name, (kinds.get(name) || 0) + 1);
  }
  byId("legend").textContent = spans.length
    ? [...kinds].slice(0, 30).map(([name, times]) => name + ": " + times).join(" · ")
      + (answer.spans_cut ? " · and more that are not marked" : "")
    : "Nothing in it is marked: no rule that it breaks counts single places of it.";
}

const RESULTS = {
  decided: "decided", broken: "broken", met: "met", other_domain: "other domain",
  not_computed: "not computed",
};

function rules(answer) {
  const body = byId("rules");
  body.replaceChildren();
  for (const rule of answer.rules) {
    const row = make("tr", undefined, rule.result);
    row.hidden = rule.result === "other_domain" && !byId("every").checked;
    row.append(
      make("td", RESULTS[rule.result]), make("td", rule.reason), make("td", rule.test),
      make("td", shown(rule.value), "number"), make("td", rule.source),
    );
    body.append(row);
  }
}

function scores(answer) {
  const entries = Object.entries(answer.columns).filter(([, value]) => value !== null);
  byId("count").textContent = entries.length + " columns";
  byId("scores").replaceChildren(...entries.map(([name, value]) => {
    const row = make("tr");
    row.append(make("td", name), make("td", shown(value), "number"));
    return row;
  }));
}

function why(answer) {
  if (answer.outcome === "kept") return "It breaks none of the rules of its domain.";
  if (answer.outcome === "error") return answer.message || "";
  const rule = answer.rules.find((each) => each.result === "decided");
  if (!rule) return "";
  return rule.column + " is " + shown(rule.value) + "; the rule is " + rule.test + ".";
}

function show(answer) {
  const outcome = byId("outcome");
  outcome.textContent = answer.outcome + (answer.reason ? ": " + answer.reason : "");
  outcome.className = answer.outcome;
  const kind = [answer.domain, answer.language].filter((each) => each).join(", ");
  byId("decided").textContent = why(answer) + (kind ? " Domain and language: " + kind + "." : "");
  mark(answer);
  rules(answer);
  scores(answer);
  byId("result").hidden = false;
}

let last = null;

async function judge(event) {
  event.preventDefault();
  const status = byId("status");
  const sent = { text: byId("text").value };
  const url = byId("url").value.trim();
  if (url) sent.url = url;
  byId("judge").disabled = true;
  status.className = "";
  status.textContent = "Judging …";
  try {
    last = await ask("/v1/explain", sent);
    status.textContent = "";
    show(last);
    name();
  } catch (error) {
    byId("result").hidden = true;
    status.className = "failed";
    status.textContent = error.message;
  } finally {
    byId("judge").disabled = false;
  }
}

// The name of the recipe is told to those who have a key only.
async function name() {
  try {
    byId("recipe").textContent = (await ask("/v1/recipe")).name;
  } catch {
    // The page does without.
  }
}

byId("form").addEventListener("submit", judge);
byId("every").addEventListener("change", () => { if (last) rules(last); });
byId("met").addEventListener("change", () => { if (last) mark(last); });
name();
