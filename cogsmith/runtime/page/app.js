// The playground: a form made from openapi.json, runs that stream, and the code that repeats them.
//
// One script, no build step, no request to anywhere but this server. What the server or a person
// says only ever becomes text, the value of a control, or the address of a picture: never markup.
// Addresses are relative to the page, so that it also works under a path of another server.

const $ = (id) => document.getElementById(id);

// ---------------------------------------------------------------- elements

/** A new element; `onclick` and the like are listeners, everything else is an attribute. */
function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function show(node, visible) {
  node.hidden = !visible;
}

/** A text that says what happened, for a moment, in place of a button's own. */
function flash(button, text) {
  button.dataset.text ??= button.textContent;
  button.textContent = text;
  clearTimeout(Number(button.dataset.timer));
  button.dataset.timer = setTimeout(() => (button.textContent = button.dataset.text), 1500);
}

/** Copy a text; without HTTPS there is no clipboard object, so by way of a selection. */
async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "offscreen", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  flash(button, "Copied");
}

const count = (number) => number.toLocaleString("en-US");
const some = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

function duration(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

function bytes(size) {
  for (const unit of ["bytes", "kB", "MB"]) {
    if (size < 1000) return `${size < 10 && unit !== "bytes" ? size.toFixed(1) : Math.round(size)} ${unit}`;
    size /= 1000;
  }
  return `${size.toFixed(1)} GB`;
}

// ---------------------------------------------------------------- the server

const BASE = new URL(".", document.baseURI).href;
const KEY = "cogsmith.key";

const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set(value) {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
    show($("key"), true);
  },
};

let asking = null; // the one question for a key that is open

/** Ask for the API key; true when one was given. Many may wait for the same answer. */
function askForKey() {
  asking ??= new Promise((answer) => {
    const dialog = $("key-dialog");
    $("key-value").value = key.get();
    dialog.returnValue = "";
    dialog.addEventListener(
      "close",
      () => {
        const saved = dialog.returnValue === "save";
        if (saved) key.set($("key-value").value.trim());
        asking = null;
        answer(saved);
      },
      { once: true },
    );
    dialog.showModal();
  });
  return asking;
}

/** fetch() with the key; asks for one on 401 and tries again, until one fits or none is given. */
async function request(path, { headers = {}, ...options } = {}) {
  for (;;) {
    const used = key.get();
    const authorization = used ? { Authorization: `Bearer ${used}` } : {};
    const answer = await fetch(path, { ...options, headers: { ...headers, ...authorization } });
    if (answer.status !== 401) return answer;
    if (key.get() !== used || (await askForKey())) continue;
    show($("key"), true); // for those who change their mind
    return answer;
  }
}

/** What an answer that is not a success says, as one text for people. */
async function complaint(answer) {
  const text = await answer.text();
  const again = answer.headers.get("Retry-After");
  const more = again && /^\d+$/.test(again) ? ` Try again in ${some(Number(again), "second")}.` : "";
  let said = text.trim();
  try {
    const { detail, error, message } = JSON.parse(text);
    const told = error?.message ?? error ?? detail ?? message;
    if (Array.isArray(told)) said = told.map((one) => one.msg ?? JSON.stringify(one)).join("\n");
    else if (told) said = typeof told === "string" ? told : JSON.stringify(told);
  } catch {
    // not JSON: the text itself is what there is to say
  }
  return `${said || answer.statusText || "The server refused"} (${answer.status})${more}`;
}

// ---------------------------------------------------------------- the schema

let document_ = {}; // openapi.json

/** A schema with its references followed; what it says itself wins. */
function resolve(schema) {
  const { $ref, allOf = [], ...own } = schema ?? {};
  const name = $ref?.split("/").pop();
  const parts = [...($ref ? [document_.components?.schemas?.[name]] : []), ...allOf];
  return Object.assign({}, ...parts.map(resolve), own);
}

/** Which control a schema wants: a name of WIDGETS. */
function kindOf(schema) {
  if (schema.enum) return "choice";
  if (schema.anyOf) return "union";
  if (schema.type === "array") {
    const items = kindOf(resolve(schema.items));
    return ["json", "union", "list"].includes(items) ? "json" : "list";
  }
  if (schema.type === "string") {
    if (schema.format === "uri") return "file";
    return schema.format === "password" || schema["x-cog-secret"] ? "secret" : "text";
  }
  return ["boolean", "integer", "number"].includes(schema.type) ? schema.type : "json";
}

const TYPE_NAMES = { choice: "choice", file: "file", secret: "secret", text: "text", json: "JSON" };

/** A schema's type in words: `integer`, `list of files`, `text or number`. */
function typeName(schema) {
  const kind = kindOf(schema);
  if (kind === "union") return schema.anyOf.map((one) => typeName(resolve(one))).join(" or ");
  if (kind === "list") return `list of ${typeName(resolve(schema.items)).replace(/JSON/, "values")}`;
  if (kind === "json" && schema.type === "array") return "JSON list";
  return TYPE_NAMES[kind] ?? kind;
}

/** The bounds and the default in words, or "". */
function facts(schema) {
  const said = [];
  const { minimum, maximum, minLength, maxLength, pattern } = schema;
  if (minimum !== undefined && maximum !== undefined) said.push(`${minimum} – ${maximum}`);
  else if (minimum !== undefined) said.push(`at least ${minimum}`);
  else if (maximum !== undefined) said.push(`at most ${maximum}`);
  if (minLength !== undefined) said.push(`at least ${some(minLength, "character")}`);
  if (maxLength !== undefined) said.push(`at most ${some(maxLength, "character")}`);
  if (pattern !== undefined) said.push(`matches ${pattern}`);
  if (schema["x-cog-accept"]) said.push(schema["x-cog-accept"]);
  if (schema.default !== undefined && schema.default !== null && schema.default !== "") {
    const text = typeof schema.default === "string" ? schema.default : JSON.stringify(schema.default);
    said.push(`default ${text.length > 60 ? `${text.slice(0, 60)} …` : text}`);
  }
  return said.join(" · ");
}

// ---------------------------------------------------------------- widgets
//
// A widget is { node, read, write, check, focus }: `read` answers a JSON value, or undefined for
// "left out"; `write` takes one (undefined empties it); `check` answers what is wrong, or "".
// `context` is where its label points to (id), what it is called (label), whom to tell (changed),
// and whether it is required, leads the form, or is an item of a list (plain).

const PROSE = /prompt|text|message|template|question|context|instruct|content|caption|query|words/i;
const SLIDER_STEPS = 100_000;
const BENT_STEPS = 2000;

function textWidget(schema, { id, changed, label, plain, required, leads }) {
  const long = !plain && (PROSE.test(label) || String(schema.default ?? "").length > 60);
  const area = h("textarea", {
    id,
    rows: long ? (required || leads ? 5 : 2) : 1,
    class: long ? (required || leads ? "long leading" : "long") : "short",
    spellcheck: "false",
    oninput: changed,
  });
  if (!CSS.supports("field-sizing", "content")) area.addEventListener("input", () => fit(area));
  return {
    node: area,
    read: () => (area.value === "" && (schema.nullable || schema.default == null) ? undefined : area.value),
    write(value) {
      area.value = value ?? "";
    },
    check: () => textProblem(area.value, schema),
    focus: () => area.focus(),
  };
}

function fit(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}

function textProblem(text, { minLength, maxLength, pattern }) {
  const length = [...text].length;
  if (text === "") return "";
  if (minLength !== undefined && length < minLength)
    return `At least ${some(minLength, "character")}, not ${length}.`;
  if (maxLength !== undefined && length > maxLength)
    return `At most ${some(maxLength, "character")}, not ${length}.`;
  if (pattern === undefined) return "";
  try {
    return new RegExp(pattern, "u").test(text) ? "" : `Does not match ${pattern}.`;
  } catch {
    return ""; // Python knows patterns that JavaScript does not: the server will say
  }
}

function secretWidget(schema, { id, changed }) {
  const input = h("input", {
    id,
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    oninput: changed,
  });
  const reveal = h("button", { type: "button", class: "quiet", "aria-pressed": "false" }, "Show");
  reveal.addEventListener("click", () => {
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    reveal.textContent = shown ? "Hide" : "Show";
    reveal.setAttribute("aria-pressed", String(shown));
  });
  return {
    node: h("div", { class: "row" }, input, reveal),
    read: () => input.value || undefined,
    write(value) {
      input.value = value ?? "";
    },
    check: () => textProblem(input.value, schema),
    focus: () => input.focus(),
  };
}

function numberWidget(schema, { id, changed }) {
  const { minimum, maximum } = schema;
  const whole = schema.type === "integer";
  const input = h("input", {
    id,
    type: "number",
    inputmode: whole ? "numeric" : "decimal",
    min: minimum,
    max: maximum,
    step: whole ? 1 : "any",
    placeholder: schema.nullable ? "left out" : undefined,
  });
  const slider = sliderOf(schema, (value) => {
    input.value = value;
    changed();
  });
  input.addEventListener("input", () => (slider?.follow(input.value), changed()));
  return {
    node: h("div", { class: "row number-row" }, input, slider?.node),
    read: () => (input.value === "" ? undefined : Number(input.value)),
    write(value) {
      input.value = value ?? "";
      slider?.follow(input.value);
    },
    check() {
      if (input.validity.badInput) return "Not a number.";
      if (input.value === "") return "";
      const value = Number(input.value);
      if (whole && !Number.isInteger(value)) return "A whole number is needed.";
      if (minimum !== undefined && value < minimum) return `At least ${minimum}.`;
      return maximum !== undefined && value > maximum ? `At most ${maximum}.` : "";
    },
    focus: () => input.focus(),
  };
}

/** A slider between two bounds, or null where a pixel would be worth too much: seeds, for one.
 * A wide range is bent (its cube root is what slides), so that small numbers can be had too. */
function sliderOf({ type, minimum, maximum }, take) {
  const span = maximum - minimum;
  const step = type === "integer" ? 1 : 10 ** Math.floor(Math.log10(span / 100));
  if (!(span > 0 && span / step <= SLIDER_STEPS)) return null;
  const bent = span / step > BENT_STEPS;
  const [low, high, pace] = bent ? [0, 1, 0.001] : [minimum, maximum, step];
  const node = h("input", {
    type: "range",
    min: low,
    max: high,
    step: pace,
    tabindex: "-1",
    "aria-hidden": "true",
  });
  const paint = () => node.style.setProperty("--part", `${(100 * (node.value - low)) / (high - low)}%`);
  node.addEventListener("input", () => {
    const exact = minimum + span * node.value ** 3;
    node.classList.remove("unset");
    paint();
    const near = type === "integer" ? Math.round(exact.toPrecision(2)) : Number(exact.toPrecision(2));
    take(bent ? Math.min(Math.max(near, minimum), maximum) : node.value);
  });
  const follow = (text) => {
    const value = text === "" ? minimum : Number(text);
    node.classList.toggle("unset", text === "");
    node.value = bent ? Math.cbrt(Math.max(value - minimum, 0) / span) : value;
    paint();
  };
  return { node, follow };
}

function booleanWidget(schema, context) {
  if (schema.nullable) return choiceWidget({ ...schema, enum: [true, false] }, context);
  const box = h("input", { id: context.id, type: "checkbox", onchange: context.changed });
  return {
    node: box,
    read: () => box.checked,
    write(value) {
      box.checked = value === true;
    },
    check: () => "",
    focus: () => box.focus(),
  };
}

function choiceWidget(schema, { id, changed }) {
  const open = schema.nullable || schema.default === undefined || schema.default === null;
  const empty = open ? [h("option", { value: "" }, schema.nullable ? "left out" : "choose one")] : [];
  const options = schema.enum.map((value, index) => h("option", { value: index }, String(value)));
  const select = h("select", { id, onchange: changed }, ...empty, ...options);
  return {
    node: select,
    read: () => (select.value === "" ? undefined : schema.enum[Number(select.value)]),
    write(value) {
      const index = schema.enum.indexOf(value);
      select.value = index < 0 ? (open ? "" : "0") : String(index);
    },
    check: () => "",
    focus: () => select.focus(),
  };
}

function jsonWidget(schema, { id, changed }) {
  const list = schema.type === "array";
  const chat = list && /messages/i.test(id);
  const example = chat
    ? '[{"role": "user", "content": "Hello"}]'
    : list
      ? '["one", "two"]'
      : '{"key": "value"}';
  const area = h("textarea", {
    id,
    rows: 3,
    class: "json",
    spellcheck: "false",
    placeholder: example,
    oninput: changed,
  });
  if (!CSS.supports("field-sizing", "content")) area.addEventListener("input", () => fit(area));
  const parse = () => {
    try {
      return [JSON.parse(area.value), ""];
    } catch (error) {
      return [undefined, `Not JSON: ${error.message}`];
    }
  };
  return {
    node: area,
    read: () => (area.value.trim() === "" ? undefined : parse()[0]),
    write(value) {
      area.value = value === undefined || value === null ? "" : JSON.stringify(value, null, 2);
    },
    check() {
      if (area.value.trim() === "") return "";
      const [value, problem] = parse();
      return problem || (list && !Array.isArray(value) ? "A list, in [ ], is needed." : "");
    },
    focus: () => area.focus(),
  };
}

/** The element that is typed into or chosen from. */
const control = (node) => (node.matches(CONTROLS) ? node : node.querySelector(CONTROLS));
const CONTROLS = "input, textarea, select";

const dataUri = (file) =>
  new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.replace(/^data:(?=;|,)/, "data:application/octet-stream"));
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(file);
  });

/** A file: chosen, dropped (both sent as a data URI), or the address of one. */
function fileWidget(schema, { id, changed, label, several }) {
  let chosen = null; // { name, size, uri }
  let reading = false;
  let trouble = "";
  const address = h("input", {
    id,
    type: "url",
    placeholder: "https://… or drop a file here",
    spellcheck: "false",
    autocomplete: "off",
  });
  const picker = h("input", {
    type: "file",
    hidden: true,
    accept: schema["x-cog-accept"],
    multiple: Boolean(several),
  });
  const pick = h("button", { type: "button" }, "Choose file");
  const away = h("button", { type: "button", class: "quiet" }, "Remove");
  const name = h("span", { class: "file-name" });
  const preview = h("div", { class: "preview" });
  const card = h("div", { class: "row chosen", hidden: true }, preview, name, away);
  const entry = h("div", { class: "row" }, address, pick);
  const zone = h("div", { class: "file", role: "group", "aria-label": label }, entry, card, picker);

  const draw = () => {
    show(card, chosen !== null || reading);
    show(entry, chosen === null && !reading);
    preview.replaceChildren(
      ...(chosen?.uri.startsWith("data:image/") ? [h("img", { src: chosen.uri, alt: "" })] : []),
    );
    name.textContent = reading ? "Reading …" : chosen ? `${chosen.name} · ${bytes(chosen.size)}` : "";
    changed();
  };
  const take = async (file) => {
    [reading, trouble] = [true, ""];
    draw();
    try {
      chosen = { name: file.name, size: file.size, uri: await dataUri(file) };
    } catch (error) {
      trouble = `The file cannot be read: ${error.message}`;
    }
    reading = false;
    draw();
  };
  const takeAll = ([first, ...rest]) => {
    if (first) take(first);
    if (several && rest.length) several(rest);
  };
  pick.addEventListener("click", () => picker.click());
  picker.addEventListener("change", () => (takeAll([...picker.files]), (picker.value = "")));
  away.addEventListener("click", () => ((chosen = null), draw(), address.focus()));
  address.addEventListener("input", changed);
  zone.addEventListener("dragover", (event) => (event.preventDefault(), zone.classList.add("over")));
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    takeAll([...event.dataTransfer.files]);
  });
  return {
    node: zone,
    take,
    read: () => chosen?.uri ?? (address.value.trim() || undefined),
    write(value) {
      const inline = typeof value === "string" && value.startsWith("data:");
      chosen = inline
        ? { name: value.slice(5).split(/[;,]/)[0] || "file", size: sizeOf(value), uri: value }
        : null;
      address.value = inline ? "" : (value ?? "");
      draw();
    },
    check() {
      if (reading) return "The file is still being read.";
      if (trouble || chosen || address.value.trim() === "") return trouble;
      return /^(https?:\/\/|data:)/i.test(address.value.trim())
        ? ""
        : "An address starts with https://, http:// or data:.";
    },
    focus: () => (chosen ? away.focus() : address.focus()),
  };
}

function listWidget(schema, { id, changed, label, required }) {
  const items = resolve(schema.items);
  const body = h("div", { class: "items" });
  const add = h("button", { type: "button", class: "quiet", onclick: () => append().focus() }, "+ Add");
  let widgets = [];
  let number = 0;

  const append = (value) => {
    const own = number === 0 ? id : `${id}-${number}`;
    number += 1;
    const several = (files) => files.forEach((file) => append().take(file));
    const widget = WIDGETS[kindOf(items)](items, { id: own, changed, label, several, plain: true });
    control(widget.node)?.setAttribute("aria-label", `an item of ${label}`);
    const row = h("div", { class: "row item" }, widget.node);
    const remove = h("button", { type: "button", class: "quiet", "aria-label": "Remove this item" }, "×");
    remove.addEventListener("click", () => {
      widgets = widgets.filter((one) => one !== widget);
      row.remove();
      add.focus();
      changed();
    });
    row.append(remove);
    body.append(row);
    widgets.push(widget);
    widget.write(value);
    changed();
    return widget;
  };
  const values = () => widgets.map((widget) => widget.read()).filter((value) => value !== undefined);
  return {
    node: h("div", { role: "group", "aria-label": label }, body, add),
    read: () => (values().length || (schema.default ?? null) !== null ? values() : undefined),
    write(value) {
      widgets = [];
      number = 0;
      body.replaceChildren();
      (value ?? (required ? [undefined] : [])).forEach((one) => append(one));
    },
    check: () => widgets.map((widget) => widget.check()).find(Boolean) ?? "",
    focus: () => (widgets[0] ?? { focus: () => add.focus() }).focus(),
  };
}

/** One of several types: a small choice of the type, and that type's own widget. */
function unionWidget(schema, context) {
  const variants = schema.anyOf.map((one) => resolve(one));
  const select = h(
    "select",
    { "aria-label": `type of ${context.label}` },
    ...variants.map((one, index) => h("option", { value: index }, typeName(one))),
  );
  const place = h("div");
  const widgets = variants.map((one) =>
    WIDGETS[kindOf(one)]({ ...one, default: schema.default, nullable: schema.nullable }, context),
  );
  const now = () => widgets[Number(select.value)];
  const draw = () => place.replaceChildren(now().node);
  select.addEventListener("change", () => (draw(), context.changed()));
  return {
    node: h("div", { class: "union" }, select, place),
    read: () => now().read(),
    write(value) {
      const fits = variants.findIndex((one) => accepts(one, value));
      select.value = String(Math.max(fits, 0));
      now().write(value ?? undefined);
      draw();
    },
    check: () => now().check(),
    focus: () => now().focus(),
  };
}

function accepts({ type }, value) {
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  if (type === "object") return value !== null && typeof value === "object" && !Array.isArray(value);
  return typeof value === type;
}

const WIDGETS = {
  text: textWidget,
  secret: secretWidget,
  integer: numberWidget,
  number: numberWidget,
  boolean: booleanWidget,
  choice: choiceWidget,
  json: jsonWidget,
  file: fileWidget,
  list: listWidget,
  union: unionWidget,
};

// ---------------------------------------------------------------- the form

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** One input: its label, its widget, its facts and its problem. */
class Field {
  constructor(name, schema, { required, leads }) {
    Object.assign(this, { name, schema, required, kind: kindOf(schema) });
    const id = `input-${name}`;
    const context = { id, required, leads, label: name, changed: () => this.changed() };
    this.widget = WIDGETS[this.kind](schema, context);
    this.problemNode = h("p", { class: "problem", id: `${id}-problem`, hidden: true });
    this.again = h(
      "button",
      { type: "button", class: "link", hidden: true, onclick: () => this.restore() },
      "Reset",
    );
    this.node = this.drawn(id);
    this.widget.write(schema.default ?? undefined);
    this.ready = true;
  }

  drawn(id) {
    const { schema, widget } = this;
    const said = facts(schema);
    const words = schema.description === "An enumeration." ? "" : schema.description; // Cog's, not the author's
    const about = h("div", { id: `${id}-hint` }, words ? h("p", { class: "hint" }, words) : null);
    control(widget.node)?.setAttribute("aria-describedby", `${id}-problem ${id}-facts ${id}-hint`);
    if (this.required) control(widget.node)?.setAttribute("aria-required", "true");
    const marks = [
      this.required && h("span", { class: "need" }, "required"),
      schema.deprecated && h("span", { class: "need" }, "deprecated"),
    ];
    const label = h("label", { for: id }, this.name);
    const type = h(
      "span",
      { class: "type", id: `${id}-facts` },
      [typeName(schema), said].filter(Boolean).join(" · "),
    );
    const head = h("div", { class: "label" }, label, type, ...marks.filter(Boolean), this.again);
    if (this.kind === "boolean" && !schema.nullable) {
      return h(
        "div",
        { class: "field check", "data-name": this.name },
        widget.node,
        head,
        about,
        this.problemNode,
      );
    }
    return h("div", { class: "field", "data-name": this.name }, head, widget.node, this.problemNode, about);
  }

  changed() {
    if (!this.ready) return;
    this.complain("");
    const fallback = this.schema.default ?? undefined;
    show(this.again, fallback !== undefined && !same(this.widget.read(), fallback));
    drawCode();
  }

  restore() {
    this.write(this.schema.default ?? undefined);
    this.widget.focus();
  }

  write(value) {
    this.widget.write(value);
    this.changed();
  }

  /** The value to send: undefined when it is left out, as what equals the default is. */
  read() {
    const value = this.widget.read();
    const fallback = this.schema.default ?? undefined;
    if (value !== undefined) return same(value, fallback) && !this.required ? undefined : value;
    return this.schema.nullable && fallback !== undefined ? null : undefined;
  }

  problem() {
    const problem = this.widget.check();
    return problem || (this.required && this.widget.read() === undefined ? "This is needed." : "");
  }

  complain(problem) {
    this.problemNode.textContent = problem;
    show(this.problemNode, problem !== "");
    this.node.classList.toggle("wrong", problem !== "");
    if (problem) control(this.node)?.setAttribute("aria-invalid", "true");
    else control(this.node)?.removeAttribute("aria-invalid");
  }

  focus() {
    const folded = this.node.closest("details");
    if (folded) folded.open = true;
    this.widget.focus();
    this.node.scrollIntoView({ block: "nearest" });
  }
}

const LEADING = 3; // as many inputs are no reason to fold any, and lead where none is required

let fields = [];

function makeForm() {
  const schema = resolve(document_.components?.schemas?.Input ?? {});
  const order = ([, one], [, other]) => (one["x-order"] ?? 999) - (other["x-order"] ?? 999);
  const inputs = Object.entries(schema.properties ?? {})
    .map(([name, one]) => [name, resolve(one)])
    .sort(order);
  const required = new Set(schema.required ?? []);
  fields = inputs.map(
    ([name, one], place) => new Field(name, one, { required: required.has(name), leads: place === 0 }),
  );
  const needed = fields.filter((field) => field.required);
  const first = needed.length ? needed : fields.slice(0, LEADING);
  const rest = fields.filter((field) => !first.includes(field));
  const flat = rest.length <= LEADING;
  $("fields").replaceChildren(...(flat ? fields : first).map((field) => field.node));
  $("more-fields").replaceChildren(...(flat ? [] : rest).map((field) => field.node));
  show($("more"), !flat);
  $("more-title").textContent = some(rest.length, "more input");
  if (fields.length === 0)
    $("fields").replaceChildren(h("p", { class: "muted" }, "This model has no inputs."));
  show($("reset"), fields.length > 0);
}

/** The inputs as they would be sent. */
function readForm() {
  const entries = fields.map((field) => [field.name, field.read()]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function writeForm(input) {
  for (const field of fields)
    field.write(Object.hasOwn(input, field.name) ? input[field.name] : (field.schema.default ?? undefined));
  complainAbove("");
}

function complainAbove(text) {
  $("form-problem").textContent = text;
  show($("form-problem"), text !== "");
}

/** Show problems at their fields; true when there are any. */
function complain(problems) {
  for (const field of fields) field.complain(problems.get(field) ?? "");
  fields.find((field) => problems.has(field))?.focus();
  return problems.size > 0;
}

/** The 422 answer: each problem to its field, the others above the button. */
function complainAsServer(detail) {
  const problems = new Map();
  const others = [];
  for (const { loc = [], msg = "" } of detail) {
    const field = fields.find((one) => loc.includes(one.name) && loc.includes("input"));
    if (field) problems.set(field, [problems.get(field), msg].filter(Boolean).join("\n"));
    else others.push([loc.filter((part) => part !== "body").join("."), msg].filter(Boolean).join(": "));
  }
  complainAbove(others.join("\n"));
  complain(problems);
}

// ---------------------------------------------------------------- a run

const TERMINAL = new Set(["succeeded", "failed", "canceled"]);
const FORMER_RUNS = 30;
const PEEK = 700; // ms between looks at a prediction that cannot be streamed

let streams = false; // whether the model does, by its document; until the server says 406
let running = null; // the run in flight
let shown = null; // the run on the page
const runs = [];

/** An id for PUT; without HTTPS there is no randomUUID. */
function newId() {
  const letters = "0123456789abcdefghjkmnpqrstvwxyz";
  return [...crypto.getRandomValues(new Uint8Array(26))].map((byte) => letters[byte % 32]).join("");
}

class Run {
  constructor(input) {
    Object.assign(this, { input, id: newId(), at: new Date(), began: performance.now() });
    Object.assign(this, {
      status: "starting",
      error: "",
      logs: "",
      metrics: {},
      chunks: [],
      output: undefined,
    });
    Object.assign(this, { whole: null, first: undefined, seconds: undefined, streamed: false });
    this.gone = new AbortController();
  }

  get live() {
    return this.seconds === undefined;
  }

  age() {
    return this.seconds ?? (performance.now() - this.began) / 1000;
  }

  /** One event of the stream. */
  take(name, data) {
    if (name === "start") this.status = data.status ?? "processing";
    else if (name === "output") this.chunk(data.chunk);
    else if (name === "log") this.logs += data.data ?? "";
    else if (name === "metric") this.measure(data);
    else if (name === "completed") this.finish(data);
    else if (name === "error") this.error = data.error ?? data.detail ?? "The stream broke off.";
    else return;
    redraw(this);
  }

  chunk(value) {
    this.first ??= (performance.now() - this.began) / 1000;
    this.chunks.push(value);
  }

  measure({ name, value, mode }) {
    const old = Object.hasOwn(this.metrics, name) ? this.metrics[name] : undefined;
    if (mode === "increment" && typeof old === "number") this.metrics[name] = old + value;
    else if (mode === "append") this.metrics[name] = old === undefined ? [value] : [].concat(old, [value]);
    else this.metrics[name] = value;
  }

  /** What a JSON answer says, whether final or not. */
  update(prediction) {
    this.whole = prediction;
    this.status = prediction.status ?? this.status;
    this.logs = prediction.logs ?? this.logs;
    this.metrics = prediction.metrics ?? this.metrics;
    if (prediction.output !== undefined && prediction.output !== null) this.output = prediction.output;
    if (prediction.error) this.error = prediction.error;
  }

  finish(prediction) {
    this.update({ ...prediction, logs: prediction.logs || this.logs });
    this.end();
  }

  fail(message) {
    this.status = "failed";
    this.error = message;
    this.end();
  }

  end() {
    this.seconds ??= (performance.now() - this.began) / 1000;
  }
}

async function start() {
  if (running) return;
  complainAbove("");
  const problems = new Map(fields.map((field) => [field, field.problem()]).filter(([, problem]) => problem));
  if (complain(problems)) return;
  const run = new Run(readForm());
  running = shown = run;
  drawRun(run);
  drawButtons();
  reveal($("result"));
  const ticking = setInterval(() => drawClock(run), 100);
  try {
    await send(run);
  } catch (error) {
    if (error.name === "AbortError") run.status = "canceled";
    else run.fail(`The server cannot be reached: ${error.message}`);
  }
  clearInterval(ticking);
  run.end();
  running = null;
  drawRun(run);
  drawButtons();
  remember(run);
  checkHealth();
}

/** On a phone the output is far below the button: bring its top into view. */
function reveal(node) {
  const { top } = node.getBoundingClientRect();
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (top < 0 || top > 0.7 * innerHeight)
    node.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
}

const put = (run, accept) =>
  request(`predictions/${run.id}`, {
    method: "PUT",
    headers: { "Content-Type": "application/json", Accept: accept },
    body: JSON.stringify({ input: run.input }),
    signal: run.gone.signal,
  });

/** Run it: as a stream where the model can, as one JSON answer where it cannot. */
async function send(run) {
  if (streams) {
    const answer = await put(run, "text/event-stream");
    if (answer.status !== 406) return receive(run, answer);
    streams = false;
  }
  const looking = setInterval(() => peek(run), PEEK);
  try {
    await receive(run, await put(run, "application/json"));
  } finally {
    clearInterval(looking);
  }
  if (run.whole) await peek(run); // an answer does not repeat the log of a success
}

async function receive(run, answer) {
  if (answer.status === 422) return refuse(run, answer);
  if (!answer.ok) return run.fail(await complaint(answer));
  const type = answer.headers.get("Content-Type") ?? "";
  if (!type.startsWith("text/event-stream")) return run.finish(await answer.json());
  run.streamed = true;
  try {
    for await (const [name, data] of events(answer.body)) run.take(name, data);
  } catch (error) {
    if (error.name === "AbortError") throw error;
  }
  if (run.live) await recover(run);
}

/** The inputs were refused: nothing ran. */
async function refuse(run, answer) {
  const copied = answer.clone();
  run.status = "refused";
  try {
    const { detail } = await answer.json();
    if (Array.isArray(detail)) return complainAsServer(detail);
  } catch {
    // plain text: said above the button
  }
  complainAbove(await complaint(copied));
}

/** The stream ended too early: ask how the prediction ended. */
async function recover(run) {
  const lost = run.error || "The connection ended before the prediction did.";
  try {
    const answer = await request(`predictions/${run.id}`, { headers: { Accept: "application/json" } });
    const prediction = answer.ok ? await answer.json() : {};
    if (TERMINAL.has(prediction.status)) return run.finish(prediction);
  } catch {
    // not reachable: the stream's end is all that is known
  }
  run.fail(lost);
}

/** See how a prediction without a stream is doing: its logs, and the output so far. */
async function peek(run) {
  try {
    const answer = await request(`predictions/${run.id}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const prediction = await answer.json();
    if (run.live || TERMINAL.has(prediction.status)) run.update(prediction);
    redraw(run);
  } catch {
    // the next look, or the answer itself, will tell
  }
}

/** Server-sent events as [name, JSON value]; comments keep the line open and say nothing. */
async function* events(body) {
  let rest = "";
  let name = "message";
  let data = [];
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (!value.includes("\n")) {
      rest += value; // a file in one line comes in many parts
      continue;
    }
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines.map((one) => one.replace(/\r$/, ""))) {
      if (line === "") {
        if (data.length) yield [name, JSON.parse(data.join("\n"))];
        [name, data] = ["message", []];
      } else if (line.startsWith("event:")) name = line.slice(6).trim();
      else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
    }
  }
}

function drawCancel(able) {
  $("cancel").disabled = !able;
  $("cancel").textContent = able ? "Cancel" : "Canceling …";
}

async function cancel() {
  const run = running;
  if (!run) return;
  drawCancel(false);
  try {
    const answer = await request(`predictions/${run.id}/cancel`, { method: "POST" });
    if (!answer.ok) drawCancel(true); // it has just ended, or may be tried again
  } catch {
    run.gone.abort(); // no server: at least the page lets go
  }
}

// ---------------------------------------------------------------- what a run looks like

const STATUS = {
  starting: "Starting",
  processing: "Running",
  succeeded: "Succeeded",
  failed: "Failed",
  canceled: "Canceled",
  refused: "Not run",
};

let drawn = { logs: -1, chunks: 0, text: null }; // what of the shown run is on the page already
let planned = 0;

/** Draw what is new, at most once a frame. */
function redraw(run) {
  if (run !== shown || planned) return;
  planned = setTimeout(() => {
    planned = 0;
    if (run === shown && run.live) drawLive(run);
  }, 16);
}

function drawLive(run) {
  drawHead(run);
  drawLogs(run);
  if (run.output !== undefined && !run.chunks.length) return drawOutput(run);
  const fresh = run.chunks.slice(drawn.chunks);
  if (!fresh.length) return;
  const box = $("output");
  const stuck = box.scrollTop + box.clientHeight >= box.scrollHeight - 24;
  const schema = outputSchema();
  if (drawn.chunks === 0) box.replaceChildren();
  if (joins(schema)) {
    drawn.text ??= box.appendChild(h("pre", { class: "text" })).appendChild(new Text());
    drawn.text.appendData(fresh.join(""));
  } else {
    box.append(...fresh.map((chunk) => rendered(chunk, resolve(schema.items))));
  }
  drawn.chunks = run.chunks.length;
  if (stuck) box.scrollTop = box.scrollHeight;
}

const outputSchema = () => resolve(document_.components?.schemas?.Output ?? {});
const joins = (schema) => schema["x-cog-array-display"] === "concatenate";

/** The whole run, as it stands. */
function drawRun(run) {
  drawn = { logs: -1, chunks: 0, text: null };
  $("output").replaceChildren();
  $("output").scrollTop = 0;
  drawHead(run);
  drawLogs(run);
  drawOutput(run);
  if (run.live) drawLive(run);
  $("error").textContent = run.error;
  show($("error"), run.error !== "" && !run.live);
  if (run.status === "failed" && run.logs) $("logs").open = true;
  drawMetrics(run);
  const whole = run.live ? null : run.whole;
  $("response-text").textContent = whole ? JSON.stringify(shortened(whole), null, 2) : "";
  show($("response"), whole !== null);
}

function drawHead(run) {
  const status = $("status");
  show(status, true);
  status.dataset.state = run.status;
  if (status.textContent !== STATUS[run.status]) status.textContent = STATUS[run.status] ?? run.status;
  $("output").setAttribute("aria-busy", String(run.live));
  $("result").classList.toggle("live", run.live);
  show($("copy-output"), !run.live && outputText(run) !== "");
  drawClock(run);
}

function drawClock(run) {
  if (run === shown) $("clock").textContent = run.status === "refused" ? "" : duration(run.age());
}

function drawLogs(run) {
  if (drawn.logs === run.logs.length) return;
  drawn.logs = run.logs.length;
  const box = $("logs-text");
  const stuck = box.scrollTop + box.clientHeight >= box.scrollHeight - 24;
  box.textContent = run.logs;
  if (stuck) box.scrollTop = box.scrollHeight;
  show($("logs"), run.logs !== "");
  $("logs-count").textContent = some(run.logs.replace(/\n$/, "").split("\n").length, "line");
}

const nowhere = (run) =>
  run.live
    ? "Waiting for the first output …"
    : run.status === "refused"
      ? "The inputs were refused; see the form."
      : "No output.";

function drawOutput(run) {
  const output = outputOf(run);
  const empty = output === undefined || (Array.isArray(output) && output.length === 0);
  const node = empty ? h("p", { class: "muted" }, nowhere(run)) : rendered(output, outputSchema());
  $("output").replaceChildren(node);
}

const outputOf = (run) => run.output ?? (run.chunks.length ? run.chunks : undefined);

/** The output as a text to copy. */
function outputText(run) {
  const output = outputOf(run);
  if (output === undefined) return "";
  if (typeof output === "string") return output;
  return joins(outputSchema()) && Array.isArray(output) ? output.join("") : JSON.stringify(output, null, 2);
}

/** An output, by its type. */
function rendered(value, schema) {
  if (Array.isArray(value)) {
    if (joins(schema)) return h("pre", { class: "text" }, value.join(""));
    const items = resolve(schema.items);
    const simple = value.every((one) => typeof one === "number" || typeof one === "boolean");
    if (simple) return h("pre", { class: "text" }, JSON.stringify(value));
    return h("div", { class: "list" }, ...value.map((one) => rendered(one, items)));
  }
  if (isFile(value, schema)) return pictured(value);
  if (value !== null && typeof value === "object") {
    const files = filesIn(value, schema).map(pictured);
    return h(
      "div",
      { class: "list" },
      h("pre", { class: "text json" }, JSON.stringify(shortened(value), null, 2)),
      ...files,
    );
  }
  return h("pre", { class: "text" }, typeof value === "string" ? value : JSON.stringify(value));
}

const isFile = (value, schema) =>
  typeof value === "string" &&
  (/^data:[^,]*;base64,/.test(value) ||
    (schema.format === "uri" && /^(https?|data):/i.test(value) && URL.canParse(value)));

function filesIn(value, schema = {}) {
  if (isFile(value, schema)) return [value];
  if (value === null || typeof value !== "object") return [];
  const inner = (name) =>
    resolve(schema.properties?.[name] ?? schema.items ?? schema.additionalProperties ?? {});
  return Object.entries(value).flatMap(([name, one]) => filesIn(one, inner(name)));
}

const EXTENSIONS = {
  image: /\.(png|jpe?g|gif|webp|svg|avif|bmp)$/i,
  audio: /\.(mp3|wav|ogg|flac|m4a|opus)$/i,
  video: /\.(mp4|webm|mov|m4v)$/i,
};

/** A file of the output: shown where a browser can, and always there to be saved. */
function pictured(uri) {
  const inline = uri.startsWith("data:");
  const type = inline ? uri.slice(5).split(/[;,]/)[0] || "text/plain" : kindOfAddress(uri);
  const family = type.split("/")[0];
  const viewers = {
    image: () => h("img", { src: uri, alt: "The model’s output" }),
    audio: () => h("audio", { src: uri, controls: true }),
    video: () => h("video", { src: uri, controls: true }),
    text: () => h("pre", { class: "text" }, decoded(uri).slice(0, 100_000)),
  };
  const way = type === "application/json" ? "text" : family;
  const view = Object.hasOwn(viewers, way) ? viewers[way]() : null;
  return h("figure", {}, view, h("figcaption", {}, ...(inline ? saved(uri, type) : [linked(uri)])));
}

function kindOfAddress(uri) {
  const path = new URL(uri).pathname;
  return Object.keys(EXTENSIONS).find((family) => EXTENSIONS[family].test(path)) ?? "file";
}

const linked = (uri) => h("a", { href: uri, target: "_blank", rel: "noreferrer noopener" }, uri);

/** A link that saves. Its type is neutral, so that a page in it can never be opened as one of ours. */
function saved(uri, type) {
  const ending =
    {
      "text/plain": "txt",
      "image/jpeg": "jpg",
      "image/svg+xml": "svg",
      "audio/mpeg": "mp3",
      "audio/x-wav": "wav",
    }[type] ?? (/^[\w-]+\/[\w-]+$/.test(type) && !type.endsWith("octet-stream") ? type.split("/")[1] : "bin");
  const save = h("button", { type: "button", class: "link" }, "Download");
  save.addEventListener("click", () => {
    try {
      const url = URL.createObjectURL(new Blob([binary(uri)], { type: "application/octet-stream" }));
      h("a", { href: url, download: `output.${ending}` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
    } catch {
      flash(save, "The data is broken");
    }
  });
  return [`${type} · ${bytes(sizeOf(uri))} `, save];
}

function binary(uri) {
  const comma = uri.indexOf(",");
  const body = uri.slice(comma + 1);
  if (!uri.slice(0, comma).endsWith(";base64")) return new TextEncoder().encode(decodeURIComponent(body));
  return Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0));
}

/** The text of a file, or a word on why there is none. */
function decoded(uri) {
  try {
    return new TextDecoder().decode(binary(uri));
  } catch {
    return "(the data of this file is broken)";
  }
}

function sizeOf(uri) {
  const body = uri.slice(uri.indexOf(",") + 1);
  return uri.slice(0, uri.indexOf(",")).endsWith(";base64")
    ? Math.floor((body.replace(/=+$/, "").length * 3) / 4)
    : body.length;
}

/** A value with its long data URIs cut: to be looked at, not to be sent. */
function shortened(value) {
  if (typeof value === "string" && value.startsWith("data:") && value.length > 120) {
    return `${value.slice(0, 80)}…(${count(value.length - 80)} more characters)`;
  }
  if (Array.isArray(value)) return value.map(shortened);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shortened(one)]));
}

const SECONDS = new Set(["predict_time", "time_to_first_token", "total_time"]);

function drawMetrics(run) {
  const said = new Map();
  if (run.first !== undefined) said.set("first output", duration(run.first));
  for (const [name, value] of flat(run.metrics)) said.set(name.replaceAll("_", " "), measured(name, value));
  const speed = rate(run);
  if (speed && !said.has("tokens per second")) said.set(...speed);
  const pairs = [...said].map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  $("metrics").replaceChildren(...pairs);
  show($("metrics"), !run.live && pairs.length > 0);
}

function flat(metrics, prefix = "") {
  return Object.entries(metrics).flatMap(([name, value]) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? flat(value, `${prefix}${name}.`)
      : [[prefix + name, value]],
  );
}

function measured(name, value) {
  if (typeof value !== "number") return typeof value === "string" ? value : JSON.stringify(value);
  if (SECONDS.has(name)) return duration(value);
  return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(4)));
}

/** Chunks a second, where the model does not tell tokens: after the first, as seen by this browser. */
function rate(run) {
  const tokens = run.metrics.output_token_count;
  const time = run.metrics.predict_time;
  if (tokens > 1 && time > 0) return ["tokens per second", (tokens / time).toFixed(1)];
  const after = run.seconds - run.first;
  return run.chunks.length > 2 && after > 0.05
    ? ["chunks per second", ((run.chunks.length - 1) / after).toFixed(1)]
    : null;
}

// ---------------------------------------------------------------- runs of this tab

function remember(run) {
  if (run.status === "refused") return;
  runs.unshift(run);
  runs.splice(FORMER_RUNS);
  drawRuns();
}

/** A run in a few words: its error, its files, its text. */
function summary(run) {
  if (run.error) return run.error;
  const output = outputOf(run);
  const files = filesIn(output ?? null, outputSchema());
  if (files.length) return some(files.length, "file");
  return outputText(run).trim().slice(0, 160) || STATUS[run.status];
}

function drawRuns() {
  show($("history"), runs.length > 0);
  $("runs").replaceChildren(
    ...runs.map((run) =>
      h(
        "li",
        {},
        h(
          "button",
          { type: "button", "aria-current": run === shown ? "true" : undefined, onclick: () => reopen(run) },
          h("span", {
            class: "dot",
            "data-state": run.status,
            role: "img",
            "aria-label": STATUS[run.status],
          }),
          h("span", { class: "cut" }, summary(run)),
          h("span", { class: "muted number" }, `${run.at.toLocaleTimeString()} · ${duration(run.seconds)}`),
        ),
      ),
    ),
  );
}

function reopen(run) {
  if (running) return;
  shown = run;
  writeForm(run.input);
  drawRun(run);
  drawRuns();
  $("result").focus({ preventScroll: true });
  reveal($("result"));
}

// ---------------------------------------------------------------- code

let model = null; // what /v1/models calls it
let language = "curl";

const STARS = "**********";

/** The input as code shows it: secrets starred, long data URIs cut. */
function codeInput() {
  const input = readForm();
  for (const { name, schema } of fields) {
    const secret = kindOf(schema) === "secret" || kindOf(resolve(schema.items)) === "secret";
    if (secret && input[name] !== undefined)
      input[name] = Array.isArray(input[name]) ? input[name].map(() => STARS) : STARS;
  }
  return input;
}

/** A JSON value as source text; short ones on one line. `words` are null, false and true. */
function literal(value, { words = ["null", "false", "true"], comma = "" } = {}, depth = 0) {
  if (value === null || typeof value === "boolean") return words[value === null ? 0 : 1 + value];
  if (typeof value !== "object") return JSON.stringify(value);
  const list = Array.isArray(value);
  const inner = (one) => literal(one, { words, comma }, depth + 1);
  const parts = list
    ? value.map(inner)
    : Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${inner(one)}`);
  const [open, close] = list ? "[]" : "{}";
  const line = `${open}${parts.join(", ")}${close}`;
  if (parts.length === 0 || (line.length + 2 * depth <= 76 && !line.includes("\n"))) return line;
  const pad = "  ".repeat(depth + 1);
  return `${open}\n${pad}${parts.join(`,\n${pad}`)}${comma}\n${"  ".repeat(depth)}${close}`;
}

const PYTHON = { words: ["None", "False", "True"], comma: "," };
const SCRIPT = { comma: "," };
const indented = (text, by) => text.replaceAll("\n", `\n${" ".repeat(by)}`);
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const ADDRESS = `${BASE}predictions`;

const LANGUAGES = {
  curl: { title: "curl", write: curlCode },
  python: { title: "Python", write: pythonCode },
  javascript: { title: "JavaScript", write: scriptCode },
  openai: {
    title: "OpenAI",
    write: openaiCode,
    when: () => model !== null && fields.some(({ name }) => name === "prompt" || name === "messages"),
  },
};

function curlCode(input) {
  const lines = [`curl -sS${streams ? "N" : ""} ${quoted(ADDRESS)}`, "-H 'Content-Type: application/json'"];
  if (streams) lines.push("-H 'Accept: text/event-stream'");
  if (key.get()) lines.push('-H "Authorization: Bearer $API_KEY"');
  lines.push(`-d ${quoted(literal({ input }))}`);
  return lines.join(" \\\n  ");
}

function pythonCode(input) {
  const headers = { ...(streams ? { Accept: "text/event-stream" } : {}) };
  let told = literal(headers, PYTHON);
  if (key.get())
    told = told.replace(/\}$/, `${streams ? ", " : ""}"Authorization": f"Bearer {os.environ['API_KEY']}"}`);
  const imports = [...(streams ? ["import json"] : []), ...(key.get() ? ["import os"] : [])].join("\n");
  const options = [
    `"${ADDRESS}",`,
    ...(told === "{}" ? [] : [`headers=${told},`]),
    `json={"input": ${indented(literal(input, PYTHON), 4)}},`,
    ...(streams ? ["stream=True,"] : []),
  ];
  return `${imports && `${imports}\n\n`}import requests

answer = requests.post(
    ${options.join("\n    ")}
)
answer.raise_for_status()
${streams ? PYTHON_STREAM : PYTHON_WHOLE}`;
}

const PYTHON_WHOLE = `prediction = answer.json()
print(prediction["status"], prediction.get("output"), prediction.get("error") or "")
`;

const PYTHON_STREAM = `event = b""
for line in answer.iter_lines():
    field, _, value = line.partition(b": ")
    if field == b"event":
        event = value
    elif field == b"data" and event == b"output":
        print(json.loads(value)["chunk"], end="", flush=True)
    elif field == b"data" and event == b"completed":
        prediction = json.loads(value)
        print("\\n" + prediction["status"], prediction.get("error") or "")
`;

function scriptCode(input) {
  const headers = [
    '"Content-Type": "application/json"',
    ...(streams ? ['Accept: "text/event-stream"'] : []),
    ...(key.get() ? ["Authorization: `Bearer ${key}`"] : []),
  ];
  return `${key.get() ? 'const key = "YOUR API KEY";\n' : ""}const answer = await fetch("${ADDRESS}", {
  method: "POST",
  headers: { ${headers.join(", ")} },
  body: JSON.stringify({ input: ${indented(literal(input, SCRIPT), 2)} }),
});
if (!answer.ok) throw new Error(\`\${answer.status} \${await answer.text()}\`);
${streams ? SCRIPT_STREAM : SCRIPT_WHOLE}`;
}

const SCRIPT_WHOLE = `const { status, output, error } = await answer.json();
console.log(status, output, error ?? "");
`;

const SCRIPT_STREAM = `let rest = "";
for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {
  const events = (rest + text).split("\\n\\n");
  rest = events.pop();
  for (const event of events) {
    const [, name, data] = event.match(/event: (\\w+)\\ndata: (.*)/) ?? [];
    if (name === "output") console.log(JSON.parse(data).chunk);
    if (name === "completed") console.log(JSON.parse(data).status);
  }
}
`;

// What OpenAI's API has a name for; the rest of the inputs goes into extra_body.
const OPENAI_NAMES = ["max_tokens", "temperature", "top_p", "presence_penalty", "frequency_penalty", "seed"];
const OPENAI_DONE = new Set([
  ...OPENAI_NAMES,
  "prompt",
  "system_prompt",
  "messages",
  "image",
  "stop_sequences",
  "max_new_tokens",
]);

function openaiMessages({ prompt = "", system_prompt: system, messages, image }) {
  if (Array.isArray(messages)) return messages;
  const seen = image
    ? [
        { type: "text", text: prompt },
        { type: "image_url", image_url: { url: image } },
      ]
    : prompt;
  return [...(system ? [{ role: "system", content: system }] : []), { role: "user", content: seen }];
}

function openaiCode(input) {
  const options = { ...(input.max_new_tokens ? { max_tokens: input.max_new_tokens } : {}) };
  for (const name of OPENAI_NAMES) if (name in input) options[name] = input[name];
  if (input.stop_sequences) options.stop = input.stop_sequences.split(",");
  const rest = Object.entries(input).filter(([name]) => !OPENAI_DONE.has(name));
  if (rest.length) options.extra_body = Object.fromEntries(rest);
  const lines = Object.entries(options).map(
    ([name, value]) => `    ${name}=${indented(literal(value, PYTHON), 4)},\n`,
  );
  const secret = key.get() ? 'os.environ["API_KEY"]' : '"none"';
  return `${key.get() ? "import os\n\n" : ""}from openai import OpenAI

client = OpenAI(base_url="${BASE}v1", api_key=${secret})
stream = client.chat.completions.create(
    model=${JSON.stringify(model)},
    messages=${indented(literal(openaiMessages(input), PYTHON), 4)},
${lines.join("")}    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
`;
}

function drawCode() {
  const open = Object.entries(LANGUAGES).filter(([, { when }]) => when?.() ?? true);
  if (!open.some(([name]) => name === language)) language = "curl";
  const input = codeInput();
  const cut = shortened(input);
  $("code").textContent = LANGUAGES[language].write(cut);
  const notes = [
    !same(cut, input) && "Files are cut short here; put the whole data URI in their place.",
    JSON.stringify(input).includes(STARS) && "Secrets are starred.",
    key.get() && language !== "javascript" && "The API key is read from the environment: API_KEY.",
  ].filter(Boolean);
  $("code-note").textContent = notes.join(" ");
  show($("code-note"), notes.length > 0);
  for (const tab of $("code-tabs").children) {
    const selected = tab.dataset.language === language;
    show(
      tab,
      open.some(([name]) => name === tab.dataset.language),
    );
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
    if (selected) $("code").setAttribute("aria-labelledby", tab.id);
  }
}

function makeTabs() {
  $("code-tabs").replaceChildren(
    ...Object.entries(LANGUAGES).map(([name, { title }]) => {
      const choose = () => ((language = name), drawCode());
      return h(
        "button",
        {
          type: "button",
          role: "tab",
          id: `tab-${name}`,
          "data-language": name,
          "aria-controls": "code",
          onclick: choose,
        },
        title,
      );
    }),
  );
  $("code-tabs").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const open = [...$("code-tabs").children].filter((tab) => !tab.hidden);
    const next = open[(open.indexOf(document.activeElement) + step + open.length) % open.length];
    next.click();
    next.focus();
  });
}

// ---------------------------------------------------------------- health

const HEALTH = {
  READY: "Ready",
  BUSY: "Busy",
  STARTING: "Setting up",
  SETUP_FAILED: "Setup failed",
  UNHEALTHY: "Unhealthy",
  DEFUNCT: "Stopped",
  OFFLINE: "Offline",
  LOCKED: "Needs a key",
  UNKNOWN: "Unknown",
};
const CALM = 5000; // ms between looks at a server that works
const SOON = 1000; // ms while it sets up, or is away

let health = "UNKNOWN";
let loaded = false; // whether the form is there
let looking = 0;

async function checkHealth() {
  clearTimeout(looking);
  let state = { status: "OFFLINE" };
  try {
    const answer = await fetch("health-check", {
      headers: key.get() ? { Authorization: `Bearer ${key.get()}` } : {},
    });
    state = answer.status === 401 ? { status: "LOCKED" } : await answer.json();
  } catch {
    // nobody answers, or not in JSON: offline
  }
  const came = health === "STARTING" || health === "OFFLINE";
  health = state.status ?? "UNKNOWN";
  drawHealth(state);
  if (came && health === "READY" && !loaded) load();
  clearTimeout(looking); // another look may have been quicker
  if (!document.hidden)
    looking = setTimeout(checkHealth, ["READY", "BUSY", "LOCKED"].includes(health) ? CALM : SOON);
}

const NOTICES = {
  STARTING: () => "The model is being set up. It can be run as soon as it is ready.",
  SETUP_FAILED: () => "The model could not be set up, so nothing can be run. Its log:",
  UNHEALTHY: ({ user_healthcheck_error: error }) =>
    `The model says that it is not well${error ? `: ${error}` : "."}`,
  DEFUNCT: () => "The model’s process has stopped and will not start again.",
  OFFLINE: () => "The server does not answer. This page tries again.",
};

function drawHealth(state) {
  $("health").dataset.state = health;
  const text = HEALTH[health] ?? health;
  if ($("health").textContent !== text) $("health").textContent = text;
  const said = NOTICES[health]?.(state) ?? "";
  if ($("notice-text").textContent !== said) $("notice-text").textContent = said;
  const log = said && health !== "OFFLINE" ? (state.setup?.logs ?? "").trimEnd() : "";
  if ($("notice-log").textContent !== log) {
    $("notice-log").textContent = log;
    $("notice-log").scrollTop = $("notice-log").scrollHeight;
  }
  show($("notice-log"), log !== "");
  show($("notice"), said !== "");
  $("notice").dataset.kind = health === "STARTING" ? "calm" : "bad";
  drawButtons();
}

function drawButtons() {
  const idle = running === null;
  const able = loaded && !["STARTING", "SETUP_FAILED", "DEFUNCT"].includes(health);
  $("run").disabled = !able;
  $("run").setAttribute("aria-disabled", String(!idle)); // keeps the focus, unlike disabled
  $("run-text").textContent = idle ? (health === "STARTING" ? "Setting up …" : "Run") : "Running …";
  show($("run-keys"), idle && able);
  const had = document.activeElement === $("cancel");
  show($("cancel"), !idle);
  if (idle) {
    drawCancel(true);
    if (had) $("run").focus();
  }
}

// ---------------------------------------------------------------- the page

/** Read the model's document and draw what depends on it. */
async function load() {
  try {
    const answer = await request("openapi.json");
    if (!answer.ok) throw new Error(await complaint(answer));
    document_ = await answer.json();
  } catch (error) {
    $("fields").replaceChildren(
      h("p", { class: "problem" }, `The model’s inputs cannot be read: ${error.message}`),
    );
    return;
  }
  const { info: { title, version } = {}, paths = {} } = document_;
  loaded = true;
  streams = paths["/predictions"]?.post?.["x-cog-streaming"] === true;
  makeForm();
  name(title && title !== "Cog" ? title : "Playground");
  $("version").textContent = `Cogsmith ${version ?? ""}`;
  drawButtons();
  drawCode();
  if (paths["/v1/models"]) await askModel();
}

/** OpenAI's dialect is there when the model is an LLM; its name for the model is a good one. */
async function askModel() {
  try {
    const answer = await request("v1/models");
    if (!answer.ok) return;
    model = (await answer.json()).data?.[0]?.id ?? null;
  } catch {
    return; // no dialect, or no server: the page does without
  }
  if (model) name(model);
  drawCode();
}

function name(text) {
  $("model").textContent = text;
  document.title = text === "Playground" ? text : `${text} · Playground`;
}

async function changeKey() {
  if (!(await askForKey())) return;
  checkHealth();
  if (loaded) drawCode();
  else load();
}

const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);

function begin() {
  makeTabs();
  drawCode();
  drawButtons();
  $("run-keys").textContent = APPLE ? "⌘ ↵" : "Ctrl ↵";
  $("form").addEventListener("submit", (event) => (event.preventDefault(), start()));
  $("cancel").addEventListener("click", cancel);
  $("reset").addEventListener("click", () => writeForm({}));
  $("copy-output").addEventListener("click", () => copy(outputText(shown), $("copy-output")));
  $("copy-code").addEventListener("click", () => copy($("code").textContent, $("copy-code")));
  $("key").addEventListener("click", changeKey);
  for (const button of document.querySelectorAll("#key-form button")) {
    button.addEventListener(
      "click",
      (event) => (event.preventDefault(), $("key-dialog").close(button.value)),
    );
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || $("key-dialog").open) return;
    event.preventDefault();
    if (!$("run").disabled) start();
  });
  document.addEventListener("visibilitychange", () => document.hidden || checkHealth());
  for (const kind of ["dragover", "drop"]) {
    // a file dropped beside its place must not replace the page
    window.addEventListener(kind, (event) => event.preventDefault());
  }
  show($("key"), key.get() !== "");
  checkHealth();
  load();
}

begin();
