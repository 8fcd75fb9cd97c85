"use strict";
(() => {
  const tip = document.getElementById("tip");

  const show = (text, event) => {
    tip.hidden = !text;
    if (!text) return;
    tip.textContent = text;
    const { width, height } = tip.getBoundingClientRect();
    const x = Math.min(event.clientX + 14, innerWidth - width - 8);
    const y = event.clientY + 18 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 18;
    tip.style.left = `${Math.max(x, 4)}px`;
    tip.style.top = `${Math.max(y, 4)}px`;
  };

  const lasting = (seconds) => {
    if (seconds < 1) return `${(seconds * 1000).toFixed(0)} ms`;
    if (seconds < 100) return `${seconds.toPrecision(3)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
    return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  };

  // where the pointer is in a drawing, in the units of its viewBox
  const within = (svg, event) => {
    const box = svg.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
  };

  const told = new WeakMap();
  const data = (element, name) => {
    if (!told.has(element)) told.set(element, JSON.parse(element.dataset[name]));
    return told.get(element);
  };

  const ofSeries = (svg, event) => {
    const { x, r, w, s } = data(svg, "series");
    const right = svg.viewBox.baseVal.width - r;
    const at = within(svg, event);
    const n = s[0].v.length;
    const inside = at >= x && at <= right;
    svg.querySelector(".cursor").style.opacity = inside ? 0.6 : 0;
    if (!inside) return "";
    const bin = Math.min(Math.floor(((at - x) / (right - x)) * n), n - 1);
    svg.querySelector(".cursor").setAttribute("transform", `translate(${at} 0)`);
    const lines = s.map((one) => `${one.n}: ${one.v[bin].toLocaleString("en")}`);
    return [`after ${lasting((bin + 0.5) * w)}`, ...lines].join("\n");
  };

  const ofBins = (svg, event) => {
    const { x, r, e, c, u } = data(svg, "bins");
    const right = svg.viewBox.baseVal.width - r;
    const value = e[0] + ((within(svg, event) - x) / (right - x)) * (e.at(-1) - e[0]);
    const bin = e.findLastIndex((edge) => edge <= value);
    if (bin < 0 || bin >= c.length) return "";
    const number = (one) => Number(one.toPrecision(6));
    return `${number(e[bin])} to ${number(e[bin + 1])} ${u}\n${c[bin].toLocaleString("en")} ± ${number(Math.sqrt(Math.abs(c[bin]))).toLocaleString("en", { maximumFractionDigits: 1 })}`;
  };

  const ofBusy = (group, event) => {
    const svg = group.ownerSVGElement;
    const { b, w, x, r, n } = data(group, "busy");
    const right = svg.viewBox.baseVal.width - r;
    const bin = Math.min(Math.max(Math.floor(((within(svg, event) - x) / (right - x)) * b.length), 0), b.length - 1);
    return `${n}\nafter ${lasting((bin + 0.5) * w)}: ${Math.round((b[bin] / 99) * 100)} % busy`;
  };

  document.addEventListener("pointermove", (event) => {
    document.querySelectorAll(".cursor").forEach((one) => (one.style.opacity = 0));
    const found = event.target.closest?.("[data-t], [data-busy], [data-bins], [data-series]");
    if (!found) return show("", event);
    const { t, busy, bins } = found.dataset;
    show(t ?? (busy ? ofBusy : bins ? ofBins : ofSeries)(found, event), event);
  });
  document.addEventListener("pointerleave", (event) => show("", event));

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button.scale");
    if (!button) return;
    const logged = button.closest("figure").classList.toggle("logged");
    button.setAttribute("aria-pressed", logged);
  });

  const key = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.k ?? cell.textContent;
    const number = Number(text);
    return text === "" ? null : Number.isNaN(number) ? text : number;
  };

  const compare = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };

  document.addEventListener("click", (event) => {
    const head = event.target.closest?.("table.sorts th");
    if (!head) return;
    const down = head.getAttribute("aria-sort") === "ascending";
    const body = head.closest("table").tBodies[0];
    const rows = [...body.rows].map((row) => [key(row, head.cellIndex), row]);
    rows.sort(([a], [b]) => (a === null || b === null ? compare(a, b) : down ? compare(b, a) : compare(a, b)));
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows.map(([, row]) => row));
  });

  document.getElementById("find")?.addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const row of document.querySelectorAll("#jobs-table tbody tr"))
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });

  document.documentElement.dataset.ready = "yes";
})();
