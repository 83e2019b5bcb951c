// The demo page: three panes that use what any program may use. Outlook's pane posts SOAP to the
// OMS address; phone and mailbox read JSON from the simulated world and are told of changes by
// server-sent events. Whatever comes from there becomes text nodes, never markup.

const id = name => document.getElementById(name);

// make returns an element with properties and children.
function make(tag, properties = {}, ...children) {
  const e = Object.assign(document.createElement(tag), properties);
  e.append(...children);
  return e;
}

const clock = time => new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });

// ---- What the phone and the mailbox say: the one place that knows their JSON ----

// readPhones returns { sim, phones: [{ number, texts: [{ fromPhone, text, parts, waiting, time }] }] }, oldest text first.
function readPhones(json) {
  return {
    sim: json.sim,
    phones: json.phones.map(p => ({
      number: p.number,
      texts: p.texts.map(t => ({
        fromPhone: t.direction === "out", text: t.text, parts: t.parts, waiting: t.state === "waiting", time: t.time,
      })),
    })),
  };
}

// readMails returns [{ id, subject, from, date, body, headers: [[name, value]] }], oldest first.
function readMails(json) {
  return json.map(m => {
    const headers = m.headers ?? [];
    const header = name => headers.find(h => h.name.toLowerCase() === name)?.text;
    return {
      id: m.id, subject: header("subject"), from: header("from") ?? m.from, date: m.received, body: m.text,
      headers: headers.map(h => [h.name, h.text]),
    };
  });
}

// live shows what is at base + path, now and after each change, while the page can be seen.
function live(base, path, state, show) {
  let stream, loading = false, again = false;
  const say = text => { if (state.textContent !== text) state.textContent = text; };
  async function load() {
    if (loading) { again = true; return; }
    loading = true;
    try {
      do {
        again = false;
        const response = await fetch(base + path);
        if (!response.ok) throw new Error(response.status);
        show(await response.json());
      } while (again);
      say("live");
    } catch {
      say("cannot be read, trying again");
      setTimeout(load, 3000);
    }
    loading = false;
  }
  function open() {
    stream?.close();
    if (document.hidden) return; // a browser allows few connections to one host
    stream = new EventSource(base + "events");
    stream.onopen = load;
    stream.onmessage = load;
    stream.addEventListener("change", load);
    stream.onerror = () => {
      say("connection lost, trying again");
      if (stream.readyState === EventSource.CLOSED) setTimeout(open, 3000); // else the browser does it
    };
  }
  document.addEventListener("visibilitychange", open);
  open();
}

// ---- 1. Outlook ----

const OMS = "http://schemas.microsoft.com/office/Outlook/2006/OMS";
const SOAP = "http://schemas.xmlsoap.org/soap/envelope/";
const CLIENT = "Microsoft Office Outlook 14.0";

// xml builds a document: xml(ns, name, attributes, children), each child a string or [name, attributes, children].
function xml(namespace, name, attributes, children) {
  const doc = document.implementation.createDocument(namespace, name);
  fill(doc.documentElement, attributes, children);
  return doc;
  function fill(element, attributes, children) {
    for (const [k, v] of Object.entries(attributes)) element.setAttribute(k, v);
    for (const c of children) {
      if (typeof c === "string") {
        element.append(c);
      } else {
        const child = doc.createElementNS(namespace, c[0]);
        fill(child, c[1], c[2]);
        element.append(child);
      }
    }
  }
}

const declared = doc => `<?xml version="1.0" encoding="utf-8"?>` + new XMLSerializer().serializeToString(doc);

// envelope wraps a call and its one parameter, a document as a string, in SOAP 1.1 document/literal.
function envelope(operation, parameter, document_) {
  const doc = document.implementation.createDocument(SOAP, "soap:Envelope");
  const body = doc.createElementNS(SOAP, "soap:Body");
  const call = doc.createElementNS(OMS, operation);
  if (parameter) {
    const string = doc.createElementNS(OMS, parameter);
    string.append(document_);
    call.append(string);
  }
  body.append(call);
  doc.documentElement.append(body);
  return declared(doc);
}

function xmsUser(f) {
  return declared(xml(OMS, "xmsUser", { client: CLIENT }, [
    ["userId", {}, [f.user]], ["password", {}, [f.password]], ["customData", {}, []],
  ]));
}

const recipients = f => f.to.split(/[;,\n]/).map(n => n.trim()).filter(n => n !== "");

function xmsData(f) {
  return declared(xml(OMS, "xmsData", { client: CLIENT }, [
    ["user", {}, [["userId", {}, [f.user]], ["password", {}, [f.password]]]],
    ["xmsHead", {}, [
      ["requiredService", {}, ["SMS_SENDER"]], ["sourceType", {}, ["xmsInspector"]],
      ["to", {}, recipients(f).map(n => ["recipient", {}, [n]])],
    ]],
    ["xmsBody", { format: "SMS" }, [
      ["content", { contentType: "text/plain", contentId: "Att0.txt@1", contentLocation: "1.txt" }, [f.text]],
    ]],
  ]));
}

// call posts to the service, shows the exchange, and returns the document inside the result string, or null.
async function call(operation, parameter, inner) {
  const address = id("outlook").dataset.service;
  const action = `"${OMS}/${operation}"`;
  const sent = envelope(operation, parameter, inner);
  const open = matchMedia("(min-width: 66rem)").matches; // where the panes stand side by side
  const start = performance.now();
  let status, answer = "", type = "";
  try {
    const response = await fetch(address, {
      method: "POST", body: sent, headers: { "Content-Type": "text/xml; charset=utf-8", "SOAPAction": action },
    });
    status = `HTTP ${response.status} ${response.statusText}`.trim();
    type = response.headers.get("Content-Type") ?? "";
    answer = await response.text();
  } catch {
    status = "no answer";
  }
  const took = Math.round(performance.now() - start);
  id("no-exchange").hidden = true;
  id("exchanges").append(make("div", { className: "exchange" },
    make("h3", {}, operation, make("span", {}, `${status}, ${took} ms`)),
    make("details", { open }, make("summary", {}, "What Outlook sent"),
      make("pre", {}, `POST ${address}\nContent-Type: text/xml; charset=utf-8\nSOAPAction: ${action}\n\n`, pretty(sent))),
    make("details", { open }, make("summary", {}, "What the service answered"),
      make("pre", {}, type === "" ? "" : `${status}\nContent-Type: ${type}\n\n`, pretty(answer)))));
  const result = parse(answer)?.getElementsByTagNameNS("*", operation + "Result")[0];
  return result ? parse(result.textContent) : null;
}

// parse returns the document of a string, or null if it is none.
function parse(text) {
  if (!/^\s*</.test(text)) return null;
  // A string's own declaration may name any encoding: it is a string already.
  const doc = new DOMParser().parseFromString(text.replace(/^\s*<\?xml[^>]*\?>/, ""), "text/xml");
  return doc.querySelector("parsererror") ? null : doc;
}

// pretty returns XML as indented text; a document within a string stands unescaped, set apart.
function pretty(text, depth = 0) {
  const doc = parse(text);
  if (!doc) return text === "" ? "(empty)" : text;
  const out = document.createDocumentFragment();
  print(doc.documentElement, depth);
  return out;
  function print(e, depth) {
    const indent = "  ".repeat(depth);
    out.append(indent, make("span", { className: "tag" }, "<" + e.nodeName));
    for (const a of e.attributes) {
      out.append(" " + a.name + "=", make("span", { className: "value" }, `"${a.value}"`));
    }
    const children = [...e.children];
    if (children.length === 0 && e.textContent === "") {
      out.append(make("span", { className: "tag" }, "/>"), "\n");
      return;
    }
    out.append(make("span", { className: "tag" }, ">"));
    if (children.length > 0) {
      out.append("\n");
      for (const c of children) print(c, depth + 1);
      out.append(indent);
    } else if (parse(e.textContent)) {
      out.append(make("span", { className: "inner", title: "On the wire this is one escaped string" }, pretty(e.textContent)), indent);
    } else {
      out.append(e.textContent);
    }
    out.append(make("span", { className: "tag" }, `</${e.nodeName}>`), "\n");
  }
}

// What the error codes of OMS mean, in words; codes know no case.
const MEANING = {
  ok: "Accepted: the text is on its way.",
  invaliduser: "Refused: the user name or the password is wrong.",
  unregistereduser: "Refused: there is no such user.",
  unregisteredservice: "Refused: this account may not use that service.",
  expireduser: "Refused: the account has expired.",
  invalidrecipient: "Refused: not a number that a text can be sent to",
  crosscarrier: "Refused: that network cannot be reached",
  invalidchar: "Refused: the text has characters that cannot be sent.",
  invalidmedia: "Refused: that kind of content cannot be sent.",
  perdaymsglimit: "Refused: the limit for today is reached",
  permonthmsglimit: "Refused: the limit for this month is reached",
  lengthlimit: "Refused: the text is too long.",
  servicenetwork: "Refused: the modem or the network cannot send now",
  lowbalance: "The balance is low",
};

// verdict says in words what an answer means; asked is how many recipients there were.
function verdict(doc, good, asked = 0) {
  const errors = doc ? [...doc.getElementsByTagNameNS("*", "error")] : [];
  if (errors.length === 0) return { ok: false, text: "That was not an answer of an OMS service; Outlook would report a failure." };
  const failed = errors.filter(e => e.getAttribute("severity") === "failure");
  if (failed.length === 0) return { ok: true, text: good };
  let refused = 0; // recipients; a failure without a list is about all of them
  const text = failed.map(e => {
    const inside = name => e.getElementsByTagNameNS("*", name)[0]?.textContent ?? "";
    const code = e.getAttribute("code") ?? "";
    const numbers = inside("recipientList").split(";").filter(n => n !== "");
    const list = numbers.join(", ");
    refused += numbers.length || Infinity;
    const meaning = MEANING[code.toLowerCase()] ?? `Refused (${code})`;
    const more = [list, inside("content")].filter(s => s !== "").join(". ");
    return more === "" ? meaning.replace(/[^.]$/, "$&.") : `${meaning.replace(/\.$/, "")}: ${more.replace(/[^.]$/, "$&.")}`;
  }).join(" ");
  return { ok: false, text: refused < asked ? text + " To the others it is on its way." : text };
}

function conclude({ ok, text }) {
  const v = id("verdict");
  v.className = "verdict " + (ok ? "good" : "bad");
  v.textContent = text;
  v.hidden = false;
}

// busy runs one job of the form at a time.
async function busy(job) {
  const form = id("send"), buttons = form.querySelectorAll("button");
  const fields = Object.fromEntries(new FormData(form));
  for (const b of buttons) b.disabled = true;
  id("exchanges").replaceChildren();
  id("verdict").hidden = true;
  try {
    await job(fields);
  } finally {
    for (const b of buttons) b.disabled = false;
  }
}

id("send").addEventListener("submit", event => {
  event.preventDefault();
  busy(async f => conclude(verdict(await call("DeliverXms", "xmsData", xmsData(f)), MEANING.ok, recipients(f).length)));
});

id("test").addEventListener("click", () => busy(async f => {
  const service = await call("GetServiceInfo");
  const user = await call("GetUserInfo", "xmsUser", xmsUser(f));
  const name = service?.getElementsByTagNameNS("*", "englishName")[0]?.textContent;
  if (!name) {
    conclude({ ok: false, text: "The service did not say what it offers; Outlook would not accept the account." });
    return;
  }
  const from = user?.getElementsByTagNameNS("*", "smtpAddress")[0]?.textContent;
  conclude(verdict(user, `The account works with “${name}”.` + (from ? ` Replies will come from ${from}.` : "")));
}));

// ---- 2. The phone ----

let chosen = id("phone").dataset.number;
let known = { sim: "", phones: [] };
let newest = 0; // time of the latest text that was shown

// lastTime is when a phone last had a text, in milliseconds; 0 where it had none.
const lastTime = phone => phone.texts.length === 0 ? 0 : Date.parse(phone.texts.at(-1).time);

function showPhones() {
  const phones = known.phones.some(p => p.number === chosen) ? known.phones : [{ number: chosen, texts: [] }, ...known.phones];
  const phone = phones.find(p => p.number === chosen);
  id("phones").replaceChildren(...(phones.length < 2 ? [] : phones.map(p => {
    const b = make("button", { type: "button", onclick: () => { chosen = p.number; showPhones(); } }, p.number);
    b.setAttribute("aria-pressed", p.number === chosen);
    return b;
  })));
  id("phone-number").textContent = phone.number;
  id("phone-peer").textContent = known.sim === "" ? "" : "talks with the box, " + known.sim;
  const list = id("bubbles"), before = list.dataset.number === chosen ? list.childElementCount : Infinity;
  list.dataset.number = chosen;
  list.replaceChildren(...phone.texts.map((t, i) => {
    const notes = [clock(t.time)];
    if (t.parts > 1) notes.push(`${t.parts} parts`);
    if (t.fromPhone) notes.push(t.waiting ? "waits for the modem" : "taken by the modem");
    return make("div", { className: `bubble ${t.fromPhone ? "out" : "in"}${i >= before ? " new" : ""}` },
      make("p", { dir: "auto" }, t.text), make("small", {}, notes.join(" · ")));
  }));
  if (phone.texts.length === 0) list.append(make("p", { className: "empty" }, "No text has arrived here yet."));
  list.scrollTop = list.scrollHeight;
}

live(id("phone").dataset.base, "texts", id("phone-live"), json => {
  known = readPhones(json);
  // Turn to the phone where something new happened.
  for (const p of known.phones) {
    if (lastTime(p) > newest) {
      newest = lastTime(p);
      chosen = p.number;
    }
  }
  showPhones();
});

id("reply").addEventListener("submit", async event => {
  event.preventDefault();
  const field = id("answer"), problem = id("reply-error");
  problem.hidden = true;
  try {
    const response = await fetch(id("phone").dataset.base + "reply", {
      method: "POST", body: new URLSearchParams({ number: chosen, text: field.value }),
    });
    if (!response.ok) throw new Error((await response.text()).slice(0, 300));
    field.value = "";
  } catch (e) {
    problem.textContent = "The answer was not sent: " + e.message;
    problem.hidden = false;
  }
});

// Return sends, as on a phone; Shift and Return begins a line.
id("answer").addEventListener("keydown", event => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    id("reply").requestSubmit();
  }
});

// ---- 3. The mailbox ----

const shown = new Map(); // what stands on the page, by mail: a mail never changes

const isOMS = name => ["content-class", "x-ms-reply-to-mobile"].includes(name.toLowerCase());

function mailElement(m) {
  return make("article", { className: "mail new" },
    make("h3", { dir: "auto" }, m.subject || "(no subject)"),
    make("p", { className: "meta" }, make("span", {}, m.from), make("span", {}, clock(m.date))),
    make("p", { className: "body", dir: "auto" }, m.body),
    make("details", { open: shown.size === 0 }, make("summary", {}, "Headers"),
      make("dl", {}, ...m.headers.map(([name, value]) =>
        make("div", { className: isOMS(name) ? "oms" : "" }, make("dt", {}, name), make("dd", {}, value))))));
}

live(id("mailbox").dataset.base, "mails", id("mailbox-live"), json => {
  const mails = readMails(json), key = m => m.id + " " + m.date, there = new Set(mails.map(key));
  for (const [k, e] of shown) {
    if (there.has(k)) continue;
    e.remove();
    shown.delete(k);
  }
  for (const m of mails) {
    if (shown.has(key(m))) continue;
    const e = mailElement(m);
    shown.set(key(m), e);
    id("mails").prepend(e);
  }
  id("no-mail").hidden = shown.size > 0;
});
