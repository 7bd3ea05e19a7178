// What the scorecard does in the browser: search, filters, the way of an indicator to 2045. Asks no network.
(function () {
  "use strict";
  var $ = function (id) { return document.getElementById(id); };
  var make = function (tag, text, attributes) {
    var made = document.createElement(tag);
    if (text !== undefined && text !== null) made.textContent = text;
    Object.keys(attributes || {}).forEach(function (name) { made.setAttribute(name, attributes[name]); });
    return made;
  };
  // A sentence of sources/wording/site.yml, its {places} filled.
  var say = function (name, values) {
    return window.WORDS[name].replace(/\{([a-z_]+)\}/g, function (_, place) { return values[place]; });
  };
  var numbers = new Intl.NumberFormat("vi-VN", { maximumFractionDigits: 2 });
  var shown = function (value) { return typeof value === "number" ? numbers.format(value) : value === null ? "–" : String(value); };
  var day = function (iso) { return iso ? iso.slice(8) + "/" + iso.slice(5, 7) + "/" + iso.slice(0, 4) : "–"; };
  var seconds = function (iso) { return Date.parse(iso + "T00:00:00Z") / 1000; };

  // ---------------------------------------------------------------- words, with accents or without

  var accented = function (text) { return text.normalize("NFC").toLowerCase(); };
  var bare = function (text) {
    return text.toLowerCase().normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/đ/g, "d");
  };
  // A word typed without accents finds any; one typed with accents only its like, old and new tone placement alike.
  var toneLast = function (word) {
    var tones = "";
    var letters = word.normalize("NFD").replace(/[\u0300\u0301\u0303\u0309\u0323]/g, function (tone) { tones += tone; return ""; });
    return letters + tones;
  };
  var wanted = function (typed) {
    return accented(typed).trim().split(/\s+/).filter(Boolean).map(function (word) {
      var plain = bare(word) === word;
      return function (text) {
        if (plain) return text.bare.indexOf(word) >= 0;
        return text.accented.indexOf(word) >= 0 || text.words.indexOf(toneLast(word)) >= 0;
      };
    });
  };
  var searchable = function (text) {
    var lower = accented(text.replace(/\s+/g, " "));
    return { accented: lower, bare: bare(lower), words: lower.split(/[^\p{L}\p{N}]+/u).map(toneLast) };
  };
  var holds = function (text, words) { return words.every(function (word) { return word(text); }); };

  // ---------------------------------------------------------------- the search at the top of every page

  var root = document.body.dataset.root;
  var find = $("find"), found = $("found");
  var places = (window.PLACES || []).map(function (one) { return { name: one[0], code: one[1], href: one[2], text: searchable(one[0] + " " + one[1]) }; });
  var look = function () {
    var words = wanted(find.value);
    found.replaceChildren();
    found.hidden = !words.length;
    if (!words.length) { $("found-count").textContent = ""; return; }
    var hits = places.filter(function (one) { return holds(one.text, words); });
    hits.slice(0, 12).forEach(function (one) {
      var link = make("a", one.name, { href: root + one.href });
      link.append(make("small", one.code));
      var item = make("li");
      item.append(link);
      found.append(item);
    });
    if (!hits.length) found.append(make("li", say("not_found"), { class: "none" }));
    $("found-count").textContent = say("results", { count: hits.length });
  };
  find.addEventListener("input", look);
  find.form.addEventListener("submit", function (event) {
    event.preventDefault();
    var first = found.querySelector("a");
    if (first) window.location.href = first.href;
  });
  find.form.addEventListener("keydown", function (event) {
    if (event.key === "Escape") { find.value = ""; look(); find.focus(); }
  });
  find.form.addEventListener("focusout", function (event) {
    if (!find.form.contains(event.relatedTarget)) found.hidden = true;
  });
  find.addEventListener("focus", function () { found.hidden = !found.children.length; });

  // ---------------------------------------------------------------- tables: titles on a phone, pages, filters

  document.querySelectorAll("table.cards").forEach(function (table) {
    var titles = Array.from(table.tHead.rows[0].cells, function (cell) { return cell.textContent; });
    table.querySelectorAll(":scope > tbody > tr > td:not([colspan])").forEach(function (cell) { cell.dataset.title = titles[cell.cellIndex]; });
  });

  var tables = {};
  var follow = function (table) {
    var size = Number(table.dataset.page) || Infinity, limit = size, words = [], chosen = {};
    var also = table.dataset.also ? $(table.dataset.also) : null;
    var rows = Array.from(table.querySelectorAll(":scope > tbody > tr:not(.theme)"));
    var others = also ? Array.from(also.children) : [];
    var more = make("button", "", { type: "button", class: "more" });
    var count = null;
    var text = function (row) { return row.kpiText || (row.kpiText = searchable(row.textContent)); };
    var fits = function (row) {
      return Object.keys(chosen).every(function (by) {
        return !chosen[by] || (row.dataset[by] || "").split(" ").indexOf(chosen[by]) >= 0;
      }) && (!words.length || holds(text(row), words));
    };
    var show = function () {
      var n = 0;
      rows.forEach(function (row) {
        var fit = fits(row);
        n += fit ? 1 : 0;
        row.hidden = !fit || n > limit;
        row.classList.remove("later");
        if (row.kpiOpened) row.kpiOpened.hidden = row.hidden;
      });
      var m = others.filter(function (item) { item.hidden = words.length > 0 && !holds(text(item), words); return !item.hidden; }).length;
      table.querySelectorAll("tr.theme").forEach(function (head) { head.hidden = !Array.from(head.parentNode.rows).some(function (row) { return row !== head && !row.hidden; }); });
      more.hidden = n <= limit;
      more.textContent = say("more", { count: n - limit });
      var said = n === rows.length ? say("rows", { count: n }) : say("rows_of", { count: n, all: rows.length });
      if (count) count.textContent = also && words.length ? say("rows_and_places", { rows: said, count: m }) : said;
    };
    more.addEventListener("click", function () { limit += size; show(); });
    if (size < Infinity) table.parentNode.after(more);
    window.addEventListener("beforeprint", function () { if (size < Infinity) { limit = Infinity; show(); } });
    window.addEventListener("afterprint", function () { limit = size; show(); });
    tables[table.id] = {
      choose: function (by, value) { chosen[by] = value; limit = size; show(); },
      search: function (typed) { words = wanted(typed); limit = size; show(); },
      say: function (place) { count = place; show(); }
    };
    show();
  };
  document.querySelectorAll("table[data-page], table[id]").forEach(follow);
  var asked = new URLSearchParams(window.location.search);
  document.querySelectorAll(".filters").forEach(function (form) {
    var table = tables[form.dataset.for];
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    form.querySelector("input").addEventListener("input", function (event) { table.search(event.target.value); });
    form.querySelectorAll("select").forEach(function (select) {
      var by = select.dataset.by;
      if (asked.has(by)) select.value = asked.get(by);
      if (select.value) table.choose(by, select.value);
      select.addEventListener("change", function () { table.choose(by, select.value); });
    });
    table.say(form.querySelector(".count"));
  });

  // ---------------------------------------------------------------- charts: always with a table of the same figures

  var style = window.getComputedStyle(document.documentElement);
  var colour = function (name) { return style.getPropertyValue("--" + name).trim(); };
  var INK = colour("blue"), PLAN = colour("plan"), MILESTONE = colour("milestone"), AHEAD = colour("ahead"), OTHER = colour("other");
  var none = function (value) { return value === undefined ? null : value; };
  // A series as series.py writes it, with names.
  var seriesAt = function (data, n) {
    var raw = data.series[n], a = raw.a, figures = [];
    var at = function (name, i) { return none((raw[name] || [])[i]); };
    data.periods.forEach(function (p, i) {
      if (at("v", i) === null) return;
      figures.push({ code: p[0], period: p[1], on: p[2], value: at("v", i), expected: at("e", i), of: at("n", i), whole: at("d", i), note: none((raw.o || {})[i]) });
    });
    return {
      unit: data.unit, yes_no: data.yes_no, baseline: raw.b ? { on: raw.b[0], value: raw.b[1] } : null, figures: figures,
      milestones: data.milestones[raw.m].map(function (m) { return { on: m[0], low: none(m[1]), written: none(m[2]), high: none(m[3]), sort: none(m[4]) }; }),
      forecast: a ? { on: a[0], value: a[1], sure: a[2], meets: none(a[3]) } : null
    };
  };
  // The series of an indicator: in a file of its own, packed, that several pages read. place: where an error is said.
  var unpacked = {};
  var unpack = function (packed) {
    var bytes = Uint8Array.from(atob(packed), function (c) { return c.charCodeAt(0); });
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
  };
  var loaded = function (name) {
    if (window.SERIES && window.SERIES[name]) return Promise.resolve();
    return new Promise(function (done, failed) {
      var script = make("script", null, { src: root + "series/" + name + ".js?" + document.body.dataset.day });
      script.addEventListener("load", done);
      script.addEventListener("error", failed);
      document.body.append(script);
    });
  };
  var withSeries = function (name, place, then) {
    if (typeof DecompressionStream === "undefined") { place.append(make("p", say("too_old"), { class: "none" })); return; }
    unpacked[name] = unpacked[name] || loaded(name).then(function () { return unpack(window.SERIES[name]); });
    unpacked[name].then(then);
  };
  var diamond = function (u, index, from, to) {
    var path = new Path2D(), r = 5 * window.devicePixelRatio;
    for (var i = from; i <= to; i++) {
      var y = u.data[index][i];
      if (y === null || y === undefined) continue;
      var cx = u.valToPos(u.data[0][i], "x", true), cy = u.valToPos(y, u.series[index].scale, true);
      path.moveTo(cx, cy - r); path.lineTo(cx + r, cy); path.lineTo(cx, cy + r); path.lineTo(cx - r, cy); path.closePath();
    }
    return { stroke: path, fill: path };
  };
  var nothing = function () { return null; };

  // lines: [{name, points: [[seconds, value]], stroke, width, dash, marks, diamonds}]
  var chart = function (place, label, unit, lines, to) {
    var days = Array.from(new Set(lines.flatMap(function (line) { return line.points.map(function (p) { return p[0]; }); }))).sort(function (a, b) { return a - b; });
    var at = new Map(days.map(function (d, i) { return [d, i]; }));
    var columns = lines.map(function (line) {
      var column = new Array(days.length).fill(null);
      line.points.forEach(function (p) { column[at.get(p[0])] = p[1]; });
      return column;
    });
    var box = make("div", null, { class: "chart", role: "img", "aria-label": label });
    var readout = make("p", "", { class: "readout", "aria-hidden": "true" });
    place.append(box, readout);
    var top = Math.max.apply(null, columns.flat().filter(function (v) { return v !== null; }).concat(0));
    var percent = unit === "%";
    var from = days[0], end = to || days[days.length - 1], pad = Math.max((end - from) * 0.02, 86400 * 10);
    var axis = { stroke: "#4a5866", grid: { stroke: "#e3e8ee", width: 1 }, ticks: { stroke: "#ccd5de" }, font: "12px system-ui, sans-serif" };
    var long = end - from > 86400 * 365 * 3;
    var some = function (u) {
      var every = Math.ceil(days.length / Math.max(2, Math.floor(u.width / 75)));
      return days.filter(function (_, i) { return (days.length - 1 - i) % every === 0; });
    };
    var u = new uPlot({
      width: Math.max(box.clientWidth, 240), height: 280, legend: { show: false }, tzDate: function (ts) { return uPlot.tzDate(new Date(ts * 1000), "Etc/UTC"); },
      cursor: { drag: { x: false, y: false } },
      scales: { x: { time: true, range: [from - pad, end + pad] }, y: { range: [0, percent ? 105 : top * 1.1 || 1] } },
      axes: [
        Object.assign({ size: 30, splits: long ? years : some, values: function (_, ticks) { return ticks.map(function (t) { var d = new Date(t * 1000); return long ? String(d.getUTCFullYear()) : (d.getUTCMonth() + 1) + "/" + d.getUTCFullYear(); }); } }, axis),
        Object.assign({ size: 52, values: function (_, ticks) { return ticks.map(function (t) { return numbers.format(t); }); } }, axis)
      ],
      series: [{}].concat(lines.map(function (line) {
        return {
          label: line.name, stroke: line.stroke, width: line.width, dash: line.dash, spanGaps: true, alpha: line.alpha || 1,
          paths: line.diamonds ? nothing : undefined, fill: line.diamonds ? "#fff" : undefined,
          points: line.diamonds ? { show: true, paths: diamond, stroke: line.stroke, fill: "#fff", width: 2 } : { show: !!line.marks, size: 5, fill: line.hollow ? "#fff" : line.stroke, stroke: line.stroke }
        };
      })),
      hooks: { setCursor: [function (self) {
        var i = self.cursor.idx;
        if (i === null || i === undefined) { readout.textContent = ""; return; }
        var said = lines.map(function (line, k) { var v = columns[k][i]; return v === null || line.quiet ? "" : line.name + " " + numbers.format(v) + (percent ? "%" : " " + unit); }).filter(Boolean);
        readout.textContent = said.length ? day(new Date(days[i] * 1000).toISOString().slice(0, 10)) + ": " + said.slice(0, 4).join("; ") : "";
      }] }
    }, [days].concat(columns), box);
    var fit = function (width) { if (width >= 200 && width !== u.width) u.setSize({ width: width, height: 280 }); };
    new ResizeObserver(function () { fit(Math.floor(box.clientWidth)); }).observe(box);
    window.addEventListener("beforeprint", function () { fit(Math.min(u.width, 480)); });
    return u;
  };
  // A year is drawn where it ends: that is when milestones are due.
  function years(u, axisIndex, low, high) {
    var first = new Date(low * 1000).getUTCFullYear(), last = new Date(high * 1000).getUTCFullYear(), ticks = [];
    var step = Math.max(1, Math.ceil((last - first) / Math.max(u.width / 60, 2)));
    if (step > 1) { step = 5; first = Math.ceil(first / 5) * 5; }
    for (var y = first; y <= last; y += step) ticks.push(Date.UTC(y, 11, 31) / 1000);
    return ticks;
  }
  var key = function (place, items) {
    var list = make("ul", null, { class: "key" });
    items.forEach(function (item) {
      var entry = make("li");
      entry.append(make("i", null, { class: item[0], "aria-hidden": "true" }), item[1]);
      list.append(entry);
    });
    place.append(list);
  };

  var worded = function (value, yesNo) { return yesNo && typeof value === "number" ? window.YES_NO[value ? 1 : 0] : shown(value); };

  var pathTable = function (series, name) {
    var table = make("table"), head = make("tr"), body = make("tbody"), thead = make("thead");
    [say("day"), say("what"), say("value"), say("needed")].forEach(function (title) { head.append(make("th", title, { scope: "col" })); });
    thead.append(head);
    table.append(make("caption", series.unit ? say("figures_of_in", { name: name, unit: series.unit }) : say("figures_of", { name: name })), thead, body);
    var word = function (value) { return worded(value, series.yes_no); };
    var rows = series.figures.map(function (f) {
      var parts = f.of !== null && f.whole !== null ? shown(f.of) + " / " + shown(f.whole) : "";
      return { on: f.on, rank: 0, kind: "figure", what: say("done_in", { period: f.period.toLowerCase() }), note: [parts, f.note].filter(Boolean).join(" · "), value: word(f.value), expected: f.expected };
    });
    series.milestones.forEach(function (m) {
      var value = m.low === null ? m.written : m.high !== null && m.high !== m.low ? shown(m.low) + " – " + shown(m.high) : shown(m.low);
      rows.push({ on: m.on, rank: 1, kind: "milestone", what: m.sort === "conflict" ? say("conflict") : say("milestone"), note: m.written, value: value, expected: null });
    });
    if (series.forecast) {
      var f = series.forecast;
      rows.push({ on: f.on, rank: 2, kind: "forecast", what: say("forecast"), note: (f.meets ? say("meets_about", { month: day(f.meets).slice(3) }) + " · " : "") + say("sure", { sure: f.sure }), value: shown(f.value), expected: null });
    }
    rows.sort(function (a, b) { return a.on < b.on ? -1 : a.on > b.on ? 1 : a.rank - b.rank; });
    rows.forEach(function (row) {
      var line = make("tr", null, { class: row.kind });
      var what = make("td", row.what);
      if (row.note) what.append(make("small", row.note));
      line.append(make("th", day(row.on), { scope: "row" }), what, make("td", row.value), make("td", row.expected === null ? "–" : shown(row.expected)));
      body.append(line);
    });
    var around = make("div", null, { class: "wide", tabindex: "0", role: "region", "aria-label": say("figures_of", { name: name }) });
    around.append(table);
    return around;
  };

  var drawPath = function (place, series, name) {
    place.replaceChildren();
    var box = make("div", null, { class: "chart-box" });
    place.append(box, pathTable(series, name));
    var actual = new Map();
    series.figures.forEach(function (f) { if (typeof f.value === "number" && !actual.has(f.on)) actual.set(f.on, f.value); });
    if (series.yes_no || (!actual.size && !series.milestones.some(function (m) { return m.low !== null; }))) {
      box.append(make("p", series.yes_no ? say("yes_or_no") : say("nothing_to_draw"), { class: "none" }));
      return;
    }
    var points = Array.from(actual, function (pair) { return [seconds(pair[0]), pair[1]]; });
    var milestones = [], others = [], plan = series.baseline ? [[seconds(series.baseline.on), series.baseline.value]] : [];
    var begins = plan.length ? plan[0][0] : -Infinity;
    series.milestones.forEach(function (m) {
      if (m.low === null) return;
      milestones.push([seconds(m.on), m.low]);
      if (m.sort === "conflict") others.push([seconds(m.on), m.high]);
      else if (seconds(m.on) > begins) plan.push([seconds(m.on), m.low]);
    });
    var forecast = series.forecast, last = points[points.length - 1], ahead = series.milestones[series.milestones.length - 1];
    var lines = [
      { name: say("path"), points: plan, stroke: PLAN, width: 1.5, dash: [8, 6], quiet: true },
      { name: say("actual"), points: points, stroke: INK, width: 2.5, marks: true },
      { name: say("milestone"), points: milestones, stroke: MILESTONE, width: 2, diamonds: true }
    ];
    if (others.length) lines.push({ name: say("conflict"), points: others, stroke: MILESTONE, width: 2, diamonds: true });
    if (forecast && last) lines.push({ name: say("forecast"), points: [last, [seconds(forecast.on), forecast.value]], stroke: AHEAD, width: 2.5, dash: [2, 5], marks: true, hollow: true });
    var told = [last ? say("newest", { value: numbers.format(last[1]) + series.unit }) : say("no_result")];
    if (ahead) told.push(say("last_milestone", { milestone: ahead.written, day: day(ahead.on) }));
    if (forecast) told.push(say("forecast_on", { value: numbers.format(forecast.value) + series.unit, day: day(forecast.on) }));
    var label = say("chart", { name: name, parts: told.join("; ") });
    chart(box, label, series.unit, lines, Math.max(seconds("2045-12-31"), plan.length ? plan[plan.length - 1][0] : 0));
    key(box, [["k-actual", say("actual")], ["k-milestone", say("milestone")], ["k-plan", say("path")]].concat(forecast ? [["k-forecast", say("forecast_only")]] : []));
  };

  document.querySelectorAll("tr[data-path]").forEach(function (row) {
    var at = row.dataset.path.split(" "), link = row.cells[0].querySelector("a");
    var button = make("button", say("see_path"), { type: "button", class: "open", "aria-expanded": "false" });
    button.append(make("span", " " + say("see_path_of", { code: link.textContent }), { class: "sr" }));
    row.cells[0].append(button);
    button.addEventListener("click", function () {
      var opened = row.kpiOpened;
      if (!opened) {
        opened = row.kpiOpened = make("tr", null, { class: "opened" });
        var cell = make("td", null, { colspan: row.cells.length }), place = make("div", null, { class: "path" });
        cell.append(place);
        opened.append(cell);
        row.after(opened);
        withSeries(at[0], place, function (data) { drawPath(place, seriesAt(data, Number(at[1])), link.textContent); });
      } else opened.hidden = !opened.hidden;
      button.setAttribute("aria-expanded", String(!opened.hidden));
    });
  });

  // The figures of the communes by period: the table, and the drawing above it.
  var SHOWN = 24;
  var byPeriod = function (data, names) {
    var table = $("t-matrix"), head = table.tHead.rows[0], body = table.tBodies[0];
    var from = Math.max(0, data.periods.length - SHOWN), periods = data.periods.slice(from);
    periods.forEach(function (p) {
      var title = make("th", null, { scope: "col" }), parts = p[0].split("-");
      title.append(make("abbr", /^\d+$/.test(parts[1] || "") ? parts[1] + "/" + parts[0] : p[0], { title: p[1] }));
      head.append(title);
    });
    var add = function (name, values, whole) {
      var line = make("tr", null, whole ? { class: "whole" } : {});
      line.append(make("th", name, { scope: "row" }));
      periods.forEach(function (_, k) { line.append(make("td", worded(none(values[from + k]), data.yes_no && !whole))); });
      body.append(line);
    };
    var points = function (values) {
      return periods.map(function (p, k) { return [seconds(p[2]), values[from + k]]; }).filter(function (p) { return typeof p[1] === "number"; });
    };
    var lines = [{ name: say("whole_city"), points: points(data.city), stroke: INK, width: 3, marks: true }], drawn = [];
    add(say("whole_city"), data.city, true);
    data.series.forEach(function (raw, n) {
      if (!raw.v) return;
      add(names[n], raw.v, false);
      var own = points(raw.v);
      if (own.length && !data.yes_no) { drawn.push(n); lines.push({ name: names[n], points: own, stroke: OTHER, width: 1, marks: own.length === 1 }); }
    });
    if (periods.length < 2 || !drawn.length) return function () {};
    var many = chart($("lines"), say("communes_chart", { count: drawn.length }), data.unit, lines);
    key($("lines"), [["k-actual", say("whole_city")], ["k-other", say("each_commune")], ["k-chosen", say("chosen")]]);
    return function (chosen) {
      many.series.forEach(function (one, k) {
        if (k < 2) return;
        var is = drawn[k - 2] === chosen, now = is ? MILESTONE : OTHER;
        one.width = is ? 3 : 1;
        one.stroke = function () { return now; };
      });
      many.redraw();
    };
  };

  if ($("which")) {
    withSeries($("which").dataset.series, $("path"), function (data) {
      var names = Array.from($("which").options, function (option) { return option.text; });
      var emphasize = $("t-matrix") ? byPeriod(data, names) : function () {};
      var draw = function () {
        var chosen = Number($("which").value);
        drawPath($("path"), seriesAt(data, chosen), names[chosen]);
        emphasize(chosen);
      };
      $("which").addEventListener("change", draw);
      draw();
    });
  }

  var data = $("paths") && JSON.parse($("paths").textContent);
  if ($("reports") && data.periods.length > 1) {
    var named = [[say("on_time"), INK, undefined], [say("late"), colour("e2"), [8, 5]], [say("missing"), colour("e4"), [2, 4]]];
    chart($("reports"), say("reports_chart"), say("reports"), named.map(function (one, k) {
      var points = new Map();
      data.periods.forEach(function (p) { if (/^\d{4}-\d\d$/.test(p[0])) points.set(seconds(p[1]), p[2 + k]); });
      return { name: one[0], points: Array.from(points), stroke: one[1], width: 2.5, dash: one[2], marks: true };
    }));
    key($("reports"), [["k-actual", say("on_time")], ["k-late", say("late")], ["k-missing", say("missing")]]);
  }
})();
