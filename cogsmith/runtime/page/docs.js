// The API document: openapi.json made readable. Whatever it says becomes text, never markup.

const $ = (id) => document.getElementById(id);
const BASE = new URL(".", document.baseURI).href;
const KEY = "cogsmith.key"; // where the playground keeps it
const METHODS = ["get", "put", "post", "delete", "options", "head", "patch"];

let api = {};

/** A new element; `onclick` and the like are listeners, everything else is an attribute. */
function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// ---------------------------------------------------------------- schemas

/** A schema with its references followed; what it says itself wins. */
function resolve(schema) {
  const { $ref, allOf = [], ...own } = schema ?? {};
  const parts = [...($ref ? [api.components?.schemas?.[$ref.split("/").pop()]] : []), ...allOf];
  return Object.assign({}, ...parts.map(resolve), own);
}

/** A type in words: `list of integer`, `one of "a", "b"`, `file (uri)`. */
function typeOf(given) {
  const schema = resolve(given);
  const either = schema.anyOf ?? schema.oneOf;
  if (schema.enum) return `one of ${schema.enum.map((one) => JSON.stringify(one)).join(", ")}`;
  if (either) return either.map(typeOf).join(" or ");
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  const format = { uri: "file (uri)", password: "secret", "date-time": "time" }[schema.format];
  return `${format ?? schema.type ?? "any"}${schema.nullable ? " or null" : ""}`;
}

const BOUNDS = {
  minimum: "at least",
  maximum: "at most",
  minLength: "length at least",
  maxLength: "length at most",
  pattern: "matches",
};

function facts(schema) {
  const bounds = Object.entries(BOUNDS)
    .filter(([name]) => name in schema)
    .map(([name, words]) => `${words} ${schema[name]}`);
  const known =
    "default" in schema && schema.default !== null ? [`default ${JSON.stringify(schema.default)}`] : [];
  return [...bounds, ...known].join(" · ");
}

/** The properties of an object as rows; those of an object inside follow it, with a dot. */
function rows(schema, prefix = "", depth = 0) {
  const required = new Set(schema.required ?? []);
  const order = ([, one], [, other]) => (one["x-order"] ?? 0) - (other["x-order"] ?? 0);
  const properties = Object.entries(schema.properties ?? {})
    .map(([name, one]) => [name, resolve(one)])
    .sort(order);
  return properties.flatMap(([name, one]) => [
    h(
      "tr",
      {},
      h("td", {}, prefix + name),
      h("td", {}, typeOf(one), required.has(name) && h("span", { class: "need" }, " required")),
      h(
        "td",
        {},
        one.description && one.description !== "An enumeration." && h("div", {}, one.description),
        h("div", { class: "facts" }, facts(one)),
      ),
    ),
    ...(one.properties && depth < 3 ? rows(one, `${prefix}${name}.`, depth + 1) : []),
  ]);
}

function table(given) {
  const schema = resolve(given);
  const body = rows(schema);
  if (!body.length)
    return h("p", { class: "muted" }, typeOf(schema) === "any" ? "A JSON value." : typeOf(schema));
  const head = h(
    "tr",
    {},
    ["name", "type", ""].map((text) => h("th", { scope: "col" }, text)),
  );
  return h(
    "div",
    { class: "scroll", tabindex: 0 },
    h("table", {}, h("thead", {}, head), h("tbody", {}, body)),
  );
}

/** A value that a schema might accept: required inputs only, so that it stays short. */
function example(given, name = "") {
  const schema = resolve(given);
  if (schema.default !== undefined && schema.default !== null) return schema.default;
  if (schema.example !== undefined) return schema.example;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return example(schema.anyOf[0], name);
  if (schema.type === "array") return [example(schema.items, name)];
  if (schema.type === "boolean") return false;
  if (schema.type === "integer" || schema.type === "number") return schema.minimum ?? 1;
  if (schema.type === "object" || schema.properties) return objectExample(schema);
  if (schema.format === "uri") return "https://example.com/file";
  return schema.format === "password" ? "…" : name ? `a ${name.replaceAll("_", " ")}` : "…";
}

function objectExample(schema) {
  const wanted = schema.required ?? Object.keys(schema.properties ?? {}).filter((name) => name === "input");
  return Object.fromEntries(wanted.map((name) => [name, example(schema.properties?.[name], name)]));
}

// ---------------------------------------------------------------- endpoints

const bodyOf = (operation) => operation.requestBody?.content?.["application/json"]?.schema;
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl(method, path, operation) {
  const address = BASE.replace(/\/$/, "") + path.replace(/\{\w*id\}/g, "ID");
  const words = [`curl -sS ${method === "get" ? "" : `-X ${method.toUpperCase()} `}${quoted(address)}`];
  if (sessionStorage.getItem(KEY)) words.push('-H "Authorization: Bearer $API_KEY"');
  const schema = bodyOf(operation);
  if (schema)
    words.push("-H 'Content-Type: application/json'", `-d ${quoted(JSON.stringify(example(schema)))}`);
  return words.join(" \\\n  ");
}

function parameters(operation) {
  if (!operation.parameters?.length) return [];
  const body = operation.parameters.map(({ name, in: where, schema, description }) =>
    h(
      "tr",
      {},
      h("td", {}, name),
      h("td", {}, `${typeOf(schema)}, in the ${where}`),
      h("td", {}, description),
    ),
  );
  return [
    h("h3", {}, "Parameters"),
    h("div", { class: "scroll", tabindex: 0 }, h("table", {}, h("tbody", {}, body))),
  ];
}

/** One answer: its status, its words, and what may be in it. */
function response([status, { description, content = {} }]) {
  const kinds = Object.keys(content).join(", ") || "no body";
  const line = [h("code", {}, status), ` ${description ?? ""} `, h("span", { class: "type" }, kinds)];
  const schema = content["application/json"]?.schema;
  const shape = schema && Object.keys(resolve(schema).properties ?? {}).length ? table(schema) : null;
  return shape ? h("details", {}, h("summary", {}, line), shape) : h("p", { class: "status" }, line);
}

const responses = (operation) => Object.entries(operation.responses ?? {}).map(response);

const anchor = (method, path) => `${method}-${path.replace(/\W+/g, "-").replace(/^-|-$/g, "") || "root"}`;
/** A path that may break into lines after a slash. */
const breakable = (path) => path.split(/(?<=.\/)/).flatMap((part) => [part, h("wbr")]);
const badge = (method) => h("span", { class: "method", "data-method": method }, method.toUpperCase());

function endpoint([method, path, operation]) {
  const schema = bodyOf(operation);
  const playable = path === "/predictions" && method === "post";
  const command = curl(method, path, operation);
  return h(
    "section",
    { class: "card", id: anchor(method, path), "aria-label": `${method} ${path}` },
    h("h2", {}, badge(method), path, playable && h("a", { href: ".", class: "end" }, "Try it")),
    operation.summary && h("p", { class: "hint" }, operation.summary),
    operation.description &&
      operation.description !== operation.summary &&
      h("p", { class: "hint" }, operation.description),
    operation["x-cog-streaming"] &&
      h(
        "p",
        { class: "hint" },
        "Answers as a stream of events to ",
        h("code", {}, "Accept: text/event-stream"),
        ".",
      ),
    parameters(operation),
    schema ? [h("h3", {}, "Request"), table(schema)] : null,
    h("h3", {}, "Responses"),
    responses(operation),
    h("h3", {}, "Example"),
    h("pre", { class: "code", tabindex: 0 }, command),
  );
}

// What people come for stands first.
const GROUPS = [
  ["Predictions", /^\/predictions/],
  ["Trainings", /^\/trainings/],
  ["OpenAI", /^\/v1\//],
  ["Server", /./],
];

/** The operations by group, each group in the document's order. */
function grouped() {
  const all = Object.entries(api.paths ?? {}).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => [method, path, item[method]]),
  );
  const groupOf = (path) => GROUPS.find(([, pattern]) => pattern.test(path))[0];
  return GROUPS.map(([title]) => [title, all.filter(([, path]) => groupOf(path) === title)]).filter(
    ([, operations]) => operations.length,
  );
}

function draw() {
  const { title = "API", version = "", description } = api.info ?? {};
  const name = title === "Cog" ? "API" : title;
  const intro = h(
    "div",
    { class: "intro" },
    h("h1", {}, name),
    h("p", { class: "muted" }, `Cogsmith ${version} · OpenAPI ${api.openapi ?? ""} · ${BASE}`),
    description && h("p", {}, description),
  );
  const groups = grouped();
  $("content").replaceChildren(intro, ...groups.flatMap(([, operations]) => operations.map(endpoint)));
  const line = ([method, path]) =>
    h("li", {}, h("a", { href: `#${anchor(method, path)}` }, badge(method), h("span", {}, breakable(path))));
  $("list").replaceChildren(
    ...groups.map(([of, operations]) => h("li", {}, h("h2", {}, of), h("ul", {}, operations.map(line)))),
  );
  $("model").textContent = name;
  document.title = name === "API" ? name : `${name} · API`;
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

// ---------------------------------------------------------------- the page

/** Ask for the key in the page, and read again. */
function keyForm() {
  const input = h("input", { type: "password", id: "key-value", autocomplete: "off" });
  const use = (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEY, input.value.trim());
    load();
  };
  const form = h(
    "form",
    { class: "card", onsubmit: use },
    h("label", { for: "key-value" }, "This server asks for an API key"),
    input,
    h("div", { class: "actions" }, h("button", { class: "primary" }, "Use this key")),
  );
  $("content").replaceChildren(form);
}

async function load() {
  const key = sessionStorage.getItem(KEY);
  try {
    const answer = await fetch("openapi.json", { headers: key ? { Authorization: `Bearer ${key}` } : {} });
    if (answer.status === 401) return keyForm();
    if (!answer.ok) throw new Error(`the server said ${answer.status}`);
    api = await answer.json();
  } catch (error) {
    return $("content").replaceChildren(
      h("p", { class: "problem" }, `openapi.json cannot be read: ${error.message}`),
    );
  }
  return draw();
}

load();
