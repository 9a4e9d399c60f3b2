"use strict";

function make(tag, text) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  return node;
}

function table(rows) {
  const body = make("tbody");
  for (const cells of rows) {
    const row = make("tr");
    for (const cell of cells) row.append(make("td", cell));
    body.append(row);
  }
  const node = make("table");
  node.append(body);
  return node;
}

// Follows a reference within the document, such as #/components/schemas/Answer.
function resolved(told, schema) {
  if (!schema || !schema.$ref) return schema || {};
  return schema.$ref.split("/").slice(1).reduce((at, step) => at[step], told);
}

function route(told, method, path, operation) {
  const section = make("section");
  section.append(make("h2", method.toUpperCase() + " " + path), make("p", operation.summary || ""));
  const parameters = operation.parameters || [];
  if (parameters.length) {
    section.append(make("h3", "Parameters"), table(parameters.map(
      (each) => [each.in, each.name, each.description || ""])));
  }
  const content = (operation.requestBody || {}).content || {};
  for (const [type, body] of Object.entries(content)) {
    section.append(make("h3", "Body: " + type),
      make("pre", JSON.stringify(body.schema, null, 2)));
  }
  section.append(make("h3", "Answers"), table(Object.entries(operation.responses).map(
    ([status, answer]) => [status, answer.description || "",
      Object.entries(answer.content || {}).map(([type, body]) =>
        type + " " + (resolved(told, body.schema).title || "")).join(", ")])));
  return section;
}

async function load() {
  const told = await (await fetch("/openapi.json")).json();
  document.getElementById("about").append(make("br"), told.info.description);
  for (const [path, methods] of Object.entries(told.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      document.getElementById("routes").append(route(told, method, path, operation));
    }
  }
}

load();
