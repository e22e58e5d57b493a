"use strict";
// One stream from the board; every text goes through textContent, so nothing that a machine says becomes markup.
(() => {
  const WORDS = {
    Delay: "Stopped", Unknown: "Unknown", NoData: "No data", Setup: "Setting up", Idle: "Idle", PlannedDown: "Planned stop", Production: "Producing",
  };
  const DASH = "–";
  const SILENT_MS = 25000, RETRY_MS = 2000, TICK_MS = 5000;
  const $ = (id) => document.getElementById(id);
  const plant = { name: "", timeZone: "Etc/UTC" };
  const machines = new Map(), lines = new Map(), cards = new Map(), sections = new Map(), areas = new Map();
  const query = new URLSearchParams(location.search);
  let skew = 0, heardAt = 0, source = null, painted = false, formats = new Map();

  // -- words ----------------------------------------------------------------------------------------------------------

  const now = () => Date.now() + skew;
  const percent = (ratio, digits) => ratio == null ? DASH : `${(ratio * 100).toFixed(digits)} %`;
  const number = (value) => value == null ? DASH : Number(value).toLocaleString("en", { maximumFractionDigits: 1 });

  function format(options) {
    const key = plant.timeZone + JSON.stringify(options);
    if (!formats.has(key)) {
      let made;
      try { made = new Intl.DateTimeFormat("en-GB", { timeZone: plant.timeZone, ...options }); }
      catch { made = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", timeZoneName: "short", ...options }); }
      formats.set(key, made);
    }
    return formats.get(key);
  }
  const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const DAY = { day: "numeric", month: "short" };

  // The time of day in the plant, with the day where it is another one.
  function moment(text) {
    const at = new Date(text);
    if (!text || Number.isNaN(at.getTime())) return "";
    const day = format(DAY).format(at);
    const clock = format(CLOCK).format(at);
    return day === format(DAY).format(new Date(now())) ? clock : `${day} ${clock}`;
  }
  function duration(text) {
    const seconds = Math.max(0, Math.floor((now() - Date.parse(text)) / 1000));
    if (Number.isNaN(seconds)) return "";
    if (seconds < 60) return `${seconds} s`;
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return `${minutes} min`;
    const hours = Math.floor(minutes / 60);
    return hours < 48 ? `${hours}:${String(minutes % 60).padStart(2, "0")} h` : `${Math.floor(hours / 24)} days`;
  }
  function since(row) {
    const at = moment(row.since);
    if (row.state === "NoData") return at ? `since ${at}` : "";
    return at ? `${at} · ${duration(row.since)}` : "";
  }
  function stateWord(row) {
    const word = WORDS[row.state] || row.state;
    if (!row.inferred) return word;
    return `≈ ${word} (inferred${row.confidence == null ? "" : `, ${percent(row.confidence, 0)} sure`})`;
  }
  function order(row) {
    const what = [row.jobOrder || row.workRequest, row.materialDefinition].filter(Boolean).join(" · ");
    return row.jobOrder || row.workRequest ? `Order ${what}` : what;
  }
  function progress(row) {
    const cycles = row.cycles != null ? `${number(row.cycles)} cycles of ${number(row.cycleSeconds)} s` : "";
    if (row.wanted == null) return row.jobGood != null ? `${number(row.jobGood)} made` : cycles;
    if (cycles && row.jobGood == null) return `${DASH} of ${number(row.wanted)}, ${cycles}`;
    return `${number(row.jobGood)} of ${number(row.wanted)} (${percent(row.progress, 0)})`;
  }

  // -- elements -------------------------------------------------------------------------------------------------------

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }
  function shape() {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "shape");
    svg.setAttribute("aria-hidden", "true");
    svg.append(document.createElementNS("http://www.w3.org/2000/svg", "use"));
    return svg;
  }
  const setShape = (svg, state) => svg.firstChild.setAttribute("href", `#shape-${state}`);
  function put(node, text) { if (node.textContent !== text) node.textContent = text; }

  function figures(node, row) {
    const bold = element("b", {}, percent(row.oee, 1));
    const parts = `A ${percent(row.availability, 0)} · E ${percent(row.effectiveness, 0)} · Q ${percent(row.quality, 0)}`;
    node.replaceChildren("OEE ", bold, ` · ${parts} · data ${percent(row.coverage, 0)}`);
  }

  function makeCard(name) {
    const part = {
      name: element("span"), oee: element("b"), data: element("span"), shape: shape(), word: element("span"),
      since: element("span", { class: "soft" }), why: element("p"), order: element("p", { class: "soft" }),
      progress: element("p"), bar: element("p", { class: "bar", "aria-hidden": "true" }, element("i")),
    };
    const oee = element("p", { class: "soft" }, "OEE ", part.oee, part.data);
    const card = element("li", { class: "card" }, element("h4", {}, part.name, part.since),
      element("p", { class: "state" }, part.shape, part.word), part.why, part.order, part.progress, part.bar, oee);
    card.bits = part;
    put(part.name, name);
    return card;
  }
  function fillCard(card, row) {
    const part = card.bits;
    if (card.dataset.state && card.dataset.state !== row.state) {
      card.classList.remove("changed");
      requestAnimationFrame(() => card.classList.add("changed"));
    }
    card.dataset.state = row.state;
    card.dataset.machine = row.machine;
    setShape(part.shape, row.state);
    put(part.word, stateWord(row));
    put(part.since, since(row));
    put(part.why, row.trouble || row.reason || "");
    put(part.order, order(row));
    put(part.progress, progress(row));
    put(part.oee, percent(row.oee, 1));
    put(part.data, row.coverage == null ? "" : ` · data ${percent(row.coverage, 0)}`);
    part.bar.hidden = row.progress == null;
    part.bar.firstChild.style.width = `${Math.min(100, (row.progress || 0) * 100)}%`;
  }

  // -- sections -------------------------------------------------------------------------------------------------------

  const keyOf = (row) => `${row.area}\n${row.line}`;
  const byName = new Intl.Collator("en", { numeric: true }).compare;

  function areaOf(name) {
    if (!areas.has(name)) {
      const id = `area-${areas.size}`;
      const section = element("section", { "aria-labelledby": id }, element("h2", { id }, name));
      section.dataset.area = name;
      areas.set(name, section);
      $("machines").append(section);
    }
    return areas.get(name);
  }
  function sectionOf(row) {
    const key = keyOf(row);
    if (!sections.has(key)) {
      const id = `line-${sections.size}`;
      const part = { figures: element("p", { class: "figures" }), heard: element("p", { class: "soft" }), cards: element("ul", { class: "cards" }) };
      const section = element("section", { class: "line", "aria-labelledby": id },
        element("header", {}, element("h3", { id }, row.line), part.figures, part.heard), part.cards);
      section.dataset.area = row.area;
      section.dataset.line = row.line;
      section.bits = part;
      sections.set(key, section);
      areaOf(row.area).append(section);
    }
    return sections.get(key);
  }
  function fillLine(row) {
    const part = sectionOf(row).bits;
    figures(part.figures, row);
    const serial = row.flow === "Serial" ? "serial · " : "";
    const heard = (row.heard || 0) === (row.machines || 0) ? `${row.machines || 0} machines` : `${row.heard || 0} of ${row.machines || 0} machines heard`;
    put(part.heard, serial + heard);
  }
  function placeCard(row) {
    const list = sectionOf(row).bits.cards;
    let card = cards.get(row.machine);
    if (!card) { card = makeCard(row.machine); cards.set(row.machine, card); }
    if (card.parentNode !== list) {
      const after = [...list.children].find((other) => byName(other.dataset.machine, row.machine) > 0);
      list.insertBefore(card, after || null);
    }
    fillCard(card, row);
  }

  // -- what is shown ----------------------------------------------------------------------------------------------------

  function options(select, values) {
    const chosen = select.value || query.get(select.id) || "";
    const all = [...new Set(values)];
    if (chosen && !all.includes(chosen)) all.push(chosen);
    if ([...select.options].slice(1).map((each) => each.value).join("\n") !== all.join("\n")) {
      select.replaceChildren(select.options[0], ...all.map((value) => element("option", { value }, value)));
    }
    select.value = chosen;
  }
  function filter() {
    const area = $("area").value, line = $("line").value, standing = $("standing").checked;
    let shown = 0;
    for (const [name, card] of cards) {
      card.hidden = standing && machines.get(name).state === "Production";
      const row = machines.get(name);
      if (!card.hidden && (!area || row.area === area) && (!line || row.line === line)) shown += 1;
    }
    for (const section of sections.values()) {
      const other = (area && section.dataset.area !== area) || (line && section.dataset.line !== line);
      section.hidden = Boolean(other) || (standing && [...section.bits.cards.children].every((card) => card.hidden));
    }
    for (const section of areas.values()) section.hidden = [...section.querySelectorAll(".line")].every((each) => each.hidden);
    $("empty").hidden = shown > 0;
    put($("empty"), machines.size ? "No machine is like that now." : "No machine is known yet.");
  }
  function choose() {
    for (const id of ["area", "line"]) { if ($(id).value) query.set(id, $(id).value); else query.delete(id); }
    if ($("standing").checked) query.set("standing", "1"); else query.delete("standing");
    history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
    filter();
  }

  function fillPlant() {
    put($("plant"), plant.name || "Shop-floor board");
    put($("site"), [plant.enterprise, plant.site].filter(Boolean).join(" / "));
    document.title = plant.name ? `${plant.name} – shop-floor board` : "Shop-floor board";
    figures($("figures"), plant);
    const counts = plant.states || {};
    $("states").replaceChildren(...Object.keys(WORDS).filter((state) => counts[state]).map((state) => {
      const svg = shape();
      setShape(svg, state);
      const item = element("li", {}, svg, `${counts[state]} ${WORDS[state].toLowerCase()}`);
      item.dataset.state = state;
      return item;
    }));
    const shifts = [...new Set([...machines.values()].map((row) => row.shift).filter(Boolean))];
    put($("shift"), shifts.length ? `Shift ${shifts.join(", ")}` : "");
  }
  function tick() {
    put($("time"), format(CLOCK).format(new Date(now())));
    for (const [name, card] of cards) put(card.bits.since, since(machines.get(name)));
    if (source && Date.now() - heardAt > SILENT_MS) reconnect();
  }

  // -- the stream -------------------------------------------------------------------------------------------------------

  function takeFrame(frame) {
    skew = Date.parse(frame.now) - Date.now();
    heardAt = Date.now();
    document.body.classList.remove("stale");
    $("link").className = "";
    put($("link"), "Live");
    if (frame.whole) start();
    if (frame.plant) {
      if (frame.plant.timeZone !== plant.timeZone) formats = new Map();
      for (const key of Object.keys(plant)) delete plant[key];
      Object.assign(plant, { timeZone: "Etc/UTC" }, frame.plant);
    }
    for (const row of frame.lines || []) { lines.set(keyOf(row), row); fillLine(row); }
    for (const row of frame.machines || []) { machines.set(row.machine, row); placeCard(row); }
    if (frame.whole) choices();
    if (frame.whole || frame.plant) fillPlant();
    if (frame.whole || frame.machines || frame.lines) filter();
    if (frame.whole) tick();
    if (!painted) { painted = true; requestAnimationFrame(() => setTimeout(() => performance.mark("board-painted"))); }
  }
  // A whole frame takes the place of everything; it is drawn in the same task, so that nothing flickers.
  function start() {
    machines.clear();
    lines.clear();
    cards.clear();
    sections.clear();
    for (const section of areas.values()) section.remove();
    areas.clear();
  }
  function choices() {
    options($("area"), [...lines.values()].map((row) => row.area));
    options($("line"), [...lines.values()].map((row) => row.line));
  }
  function lost() {
    document.body.classList.add("stale");
    $("link").className = "lost";
    put($("link"), heardAt ? `No connection to the board. This was so at ${moment(new Date(heardAt + skew).toISOString())}.` : "No connection to the board.");
  }
  function reconnect() {
    if (!source) return;
    source.close();
    source = null;
    lost();
    setTimeout(connect, RETRY_MS * (1 + Math.random()));
  }
  function connect() {
    source = new EventSource("/events");
    source.onmessage = (event) => takeFrame(JSON.parse(event.data));
    source.onerror = reconnect;
  }

  $("standing").checked = query.has("standing");
  for (const id of ["area", "line", "standing"]) $(id).addEventListener("change", choose);
  setInterval(tick, TICK_MS);
  connect();
})();
