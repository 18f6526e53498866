#include "view/graph/script.h"

namespace isotach::view {
namespace {

// JavaScript of what browsers have known since 2020.
constexpr std::string_view kScript = R"js('use strict';
(() => {
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const LEFT = 76, RIGHT = 12, TOP = 10, BOTTOM = 26;
const BITS = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'], BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const TIMES = [['s', 1], ['ms', 1e-3], ['us', 1e-6], ['ns', 1e-9]];
const trim = text => text.includes('.') ? text.replace(/\.?0+$/, '') : text;

// The divisor and the name of the unit that suit values up to `most`.
function scale(unit, most) {
  if (unit === 'b' || unit === 'B') {
    if (unit === 'B' && most < 10240) return [1, 'B'];
    const base = unit === 'b' ? 1000 : 1024, names = unit === 'b' ? BITS : BYTES;
    const power = Math.floor(Math.log(Math.max(most, 1)) / Math.log(base) + 1e-9);
    const i = Math.max(0, Math.min(names.length - 1, power));
    return [base ** i, names[i]];
  }
  if (unit === 's') {
    const found = TIMES.find(([, size]) => most >= size) || TIMES[3];
    return [found[1], found[0]];
  }
  return [1, ''];
}
function niceStep(span, count) {
  const raw = span / Math.max(1, count), power = 10 ** Math.floor(Math.log10(raw)), part = raw / power;
  return (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10) * power;
}
function ticks(low, high, count) {
  const step = niceStep(high - low, count), list = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9 && list.length < 50; ++i)
    list.push(i * step);
  return [list, Math.max(0, -Math.floor(Math.log10(step) + 1e-9))];
}

class Graph {
  constructor(box, group) {
    this.box = box; this.group = group; this.canvas = box.querySelector('canvas'); this.hidden = new Set();
    const data = JSON.parse(box.querySelector('script').textContent);
    Object.assign(this, {unit: data.u, zero: data.z, low: data.a / 1e9, high: data.b / 1e9});
    this.series = data.g.map(s => this.unpack(s, data.q / 1e9, data.p));
    this.makeLegend(); this.listen();
  }
  unpack(s, tick, step) {
    const n = s.t.length, t = new Float64Array(n), l = new Float64Array(n), h = new Float64Array(n);
    let time = 0, value = 0;
    for (let i = 0; i < n; ++i) {
      t[i] = (time += s.t[i]) * tick;
      if (s.l) { l[i] = (value += s.l[i]) * step; h[i] = l[i] + (s.h ? s.h[i] * step : 0); }
    }
    return {name: s.n, style: s.s, color: s.c, count: s.k, t, l, h};
  }
  makeLegend() {
    const legend = document.createElement('div');
    legend.className = 'legend';
    this.series.forEach((s, i) => {
      if (!s.t.length) return;
      const button = document.createElement('button'), box = document.createElement('i');
      box.style.background = `var(--c${s.color})`;
      button.type = 'button';
      button.append(box, s.style === 'm' ? `${s.name}: ${s.count}` : s.name);
      button.setAttribute('aria-pressed', 'true');
      button.onclick = () => {
        const off = !this.hidden.delete(i);
        if (off) this.hidden.add(i);
        button.setAttribute('aria-pressed', String(!off)); this.draw();
      };
      legend.append(button);
    });
    this.read = document.createElement('span');
    this.read.className = 'read';
    legend.append(this.read); this.canvas.after(legend);
  }
  get view() { return this.group.view || [this.group.low, this.group.high]; }
  timeAt(x) {
    const [a, b] = this.view, width = this.canvas.clientWidth - LEFT - RIGHT;
    return a + (b - a) * Math.min(1, Math.max(0, (x - LEFT) / width));
  }
  listen() {
    const canvas = this.canvas, group = this.group;
    const at = event => event.clientX - canvas.getBoundingClientRect().left;
    canvas.onpointerdown = event => {
      if (event.button !== 0) return;
      this.from = at(event); this.to = this.from; canvas.setPointerCapture(event.pointerId);
    };
    canvas.onpointermove = event => {
      this.cursor = [at(event), event.clientY - canvas.getBoundingClientRect().top];
      if (this.from !== undefined) this.to = at(event);
      this.draw();
    };
    canvas.onpointerup = () => {
      if (this.from === undefined) return;
      const a = this.timeAt(Math.min(this.from, this.to)), b = this.timeAt(Math.max(this.from, this.to));
      const wide = Math.abs(this.to - this.from) > 5;
      this.from = undefined;
      if (wide) group.show(a, b); else this.draw();
    };
    canvas.onpointercancel = () => { this.from = undefined; };
    canvas.onpointerleave = () => { this.cursor = undefined; this.read.textContent = ''; this.draw(); };
    canvas.ondblclick = () => group.show();
    canvas.addEventListener('wheel', event => {
      if (!event.ctrlKey && !event.shiftKey) return;
      event.preventDefault();
      const centre = this.timeAt(at(event)), [a, b] = this.view;
      const factor = (event.deltaY || event.deltaX) > 0 ? 1.25 : 0.8;
      group.show(centre - (centre - a) * factor, centre + (b - centre) * factor);
    }, {passive: false});
    canvas.onkeydown = event => {
      const [a, b] = this.view, span = b - a, middle = (a + b) / 2;
      const moves = {'+': [middle - span / 4, middle + span / 4], '=': [middle - span / 4, middle + span / 4],
        '-': [middle - span, middle + span], ArrowLeft: [a - span / 4, b - span / 4],
        ArrowRight: [a + span / 4, b + span / 4], '0': [undefined, undefined], Home: [undefined, undefined]};
      if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault(); group.show(...moves[event.key]);
    };
  }
  // First index with a time of at least `time`.
  static find(t, time) {
    let low = 0, high = t.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (t[middle] < time) low = middle + 1; else high = middle;
    }
    return low;
  }
  range(a, b) {
    let low = Infinity, high = -Infinity;
    this.series.forEach((s, i) => {
      if (this.hidden.has(i) || s.style === 'm') return;
      let first = Graph.find(s.t, a); const last = Graph.find(s.t, b);
      if ((s.style === 's' || s.style === 'l') && first > 0) --first;
      for (let k = first; k < last; ++k) { if (s.l[k] < low) low = s.l[k]; if (s.h[k] > high) high = s.h[k]; }
    });
    if (low > high) { low = 0; high = 1; }
    if (this.zero) low = Math.min(0, low);
    const room = (high - low || Math.abs(high) || 1) * 0.04;
    return [this.zero && low === 0 ? 0 : low - room, high + room];
  }
  draw() {
    const canvas = this.canvas, ratio = devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const c = canvas.getContext('2d'), [a, b] = this.view, right = width - RIGHT, bottom = height - BOTTOM;
    c.setTransform(ratio, 0, 0, ratio, 0, 0); c.clearRect(0, 0, width, height);
    c.font = '12px "DejaVu Sans",system-ui,sans-serif';
    const x = time => LEFT + (time - a) / (b - a) * (right - LEFT);
    const timeline = this.series.length && this.series[0].style === 'm';
    const [low, high] = timeline ? [0, 1] : this.range(a, b);
    const y = value => bottom - (value - low) / (high - low) * (bottom - TOP);
    this.axes(c, x, y, low, high, right, bottom, timeline);
    c.save(); c.beginPath(); c.rect(LEFT, TOP - 2, right - LEFT, bottom - TOP + 3); c.clip();
    const rows = this.series.filter(s => s.t.length).length;
    let row = 0;
    this.series.forEach((s, i) => {
      if (!s.t.length) return;
      const middle = TOP + (bottom - TOP) * (++row - 0.5) / rows;
      if (this.hidden.has(i)) return;
      c.strokeStyle = c.fillStyle = css(`--c${s.color}`);
      this.drawSeries(c, s, a, b, x, y, middle, (bottom - TOP) / rows);
    });
    if (this.from !== undefined) {
      c.globalAlpha = 0.15; c.fillStyle = css('--accent');
      c.fillRect(Math.min(this.from, this.to), TOP, Math.abs(this.to - this.from), bottom - TOP);
      c.globalAlpha = 1;
    }
    if (this.cursor && this.cursor[0] > LEFT && this.cursor[0] < right) {
      c.strokeStyle = css('--muted'); c.lineWidth = 1; c.setLineDash([3, 3]); c.beginPath();
      c.moveTo(this.cursor[0], TOP); c.lineTo(this.cursor[0], bottom); c.stroke(); c.setLineDash([]);
      this.tell(low + (bottom - this.cursor[1]) / (bottom - TOP) * (high - low), timeline);
    }
    c.restore();
  }
  tell(value, timeline) {
    const time = this.timeAt(this.cursor[0]);
    const digits = 3 - Math.floor(Math.log10(this.view[1] - this.view[0]));
    const places = Math.max(0, Math.min(9, digits));
    const [divisor, name] = scale(this.unit, Math.abs(value));
    const amount = timeline ? '' : `, ${(value / divisor).toPrecision(4)} ${name}`;
    this.read.textContent = `${time.toFixed(places)} s` + amount;
  }
  axes(c, x, y, low, high, right, bottom, timeline) {
    const grid = css('--grid'), ink = css('--muted'), [a, b] = this.view;
    c.lineWidth = 1; c.textBaseline = 'middle'; c.fillStyle = ink; c.strokeStyle = grid;
    if (timeline) {
      const rows = this.series.filter(s => s.t.length); c.textAlign = 'right';
      rows.forEach((s, i) => {
        const middle = TOP + (bottom - TOP) * (i + 0.5) / rows.length;
        c.beginPath(); c.moveTo(LEFT, middle); c.lineTo(right, middle); c.stroke();
        c.fillText(s.name.split(' ')[0], LEFT - 6, middle);
      });
    } else {
      const [divisor, name] = scale(this.unit, Math.max(Math.abs(low), Math.abs(high)));
      const [list, places] = ticks(low / divisor, high / divisor, (bottom - TOP) / 42);
      c.textAlign = 'right';
      for (const tick of list) {
        const at = Math.round(y(tick * divisor)) + 0.5;
        if (at > bottom + 1) continue;
        c.beginPath(); c.moveTo(LEFT, at); c.lineTo(right, at); c.stroke();
        c.fillText(tick ? `${trim(tick.toFixed(places))} ${name}` : '0', LEFT - 6, at);
      }
    }
    const span = b - a, unit = span >= 2 ? ['s', 1] : span >= 2e-3 ? ['ms', 1e-3] : ['us', 1e-6];
    const [list, places] = ticks(a / unit[1], b / unit[1], (right - LEFT) / 110);
    c.textAlign = 'center'; c.textBaseline = 'top';
    for (const tick of list) {
      const at = Math.round(x(tick * unit[1])) + 0.5;
      c.beginPath(); c.moveTo(at, TOP); c.lineTo(at, bottom); c.stroke();
      c.fillText(tick ? `${tick.toFixed(places)} ${unit[0]}` : '0', Math.min(at, right - 24), bottom + 7);
    }
    c.strokeStyle = css('--axis'); c.beginPath(); c.moveTo(LEFT + .5, TOP); c.lineTo(LEFT + .5, bottom + .5);
    c.lineTo(right, bottom + .5); c.stroke();
  }
  drawSeries(c, s, a, b, x, y, middle, rowHeight) {
    let first = Graph.find(s.t, a), last = Graph.find(s.t, b + (b - a) * 1e-9);
    if (first > 0 && s.style !== 'm') --first;
    if (last < s.t.length && s.style !== 'm') ++last;
    const crowded = last - first > 600;
    c.lineWidth = s.style === 'b' ? (crowded ? 1.2 : 2) : 1.4; c.lineJoin = 'round'; c.beginPath();
    for (let k = first; k < last; ++k) {
      const px = x(s.t[k]), top = y(s.h[k]), low = y(s.l[k]);
      if (s.style === 'b') {
        c.moveTo(px, Math.max(low, top + 1.5)); c.lineTo(px, top);
        if (crowded) continue;
        c.moveTo(px - 2.5, top); c.lineTo(px + 2.5, top); c.moveTo(px - 2.5, low); c.lineTo(px + 2.5, low);
      } else if (s.style === 's') {
        if (k > first) c.lineTo(px, y(s.h[k - 1])); else c.moveTo(px, low);
        c.lineTo(px, low); c.lineTo(px, top);
      } else if (s.style === 'l') {
        if (k === first) c.moveTo(px, low); else c.lineTo(px, low);
        if (top !== low) c.lineTo(px, top);
      } else if (s.style === 'd') {
        if (low - top > 2) { c.moveTo(px, low); c.lineTo(px, top); }
        else c.rect(px - 1.2, top - 1.2, 2.4, 2.4);
      } else {
        const half = Math.min(9, rowHeight * 0.36);
        c.moveTo(px, middle - half); c.lineTo(px, middle + half);
      }
    }
    c.stroke();
    if (s.style === 'd') c.fill();
  }
}

class Group {
  constructor(section) {
    this.graphs = new Map(); this.section = section; this.low = Infinity; this.high = -Infinity;
    for (const box of section.querySelectorAll('.graph')) {
      const text = box.querySelector('script').textContent.slice(0, 200);
      const number = key => Number(text.match(`"${key}":(-?[0-9]+)`)[1]) / 1e9;
      this.low = Math.min(this.low, number('a')); this.high = Math.max(this.high, number('b'));
      watcher.observe(box); groups.set(box, this);
    }
  }
  graph(box) {
    if (!this.graphs.has(box)) this.graphs.set(box, new Graph(box, this));
    return this.graphs.get(box);
  }
  show(a, b) {
    const least = (this.high - this.low) * 1e-7;
    if (a === undefined || b - a >= this.high - this.low) this.view = undefined;
    else {
      if (b - a < least) b = a + least;
      if (a < this.low) { b += this.low - a; a = this.low; }
      if (b > this.high) { a -= b - this.high; b = this.high; }
      this.view = [a, b];
    }
    for (const graph of this.graphs.values()) graph.draw();
  }
}
const groups = new Map();
const watcher = new IntersectionObserver(entries => {
  for (const {target, isIntersecting} of entries) {
    const group = groups.get(target);
    if (!isIntersecting) continue;
    group.graph(target).draw();
  }
}, {rootMargin: '400px'});
for (const section of document.querySelectorAll('section')) new Group(section);
const redraw = () => {
  for (const [box, group] of groups) if (group.graphs.has(box)) group.graph(box).draw();
};
addEventListener('resize', redraw);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
addEventListener('beforeprint', () => {
  for (const [box, group] of groups) group.graph(box);
  redraw();
});
})();
)js";

}  // namespace

std::string_view graph_script() {
  return kScript;
}

}  // namespace isotach::view
