// Reading aids only: everything on the page can be read without them.
for (const svg of document.querySelectorAll("svg.lines")) {
  const figure = svg.closest("figure"), tip = document.createElement("div");
  const ring = document.createElementNS(svg.namespaceURI, "circle");
  const lines = [...svg.querySelectorAll(".series")];
  svg.setAttribute("aria-label", svg.querySelector("title").textContent);
  svg.querySelectorAll("title").forEach((title) => title.remove());
  tip.className = "tip"; tip.hidden = true; figure.append(tip);
  ring.setAttribute("class", "ring"); ring.setAttribute("r", 6.5);
  svg.addEventListener("pointermove", (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    let best = { far: 900 };
    for (const line of lines.filter((l) => !l.classList.contains("off")))
      [...line.querySelector("polyline").points].forEach((p, i) => {
        const far = (p.x - at.x) ** 2 + (p.y - at.y) ** 2;
        if (far < best.far) best = { far, p, text: line.dataset.reads.split("\n")[i] };
      });
    tip.hidden = !best.p;
    if (!best.p) return ring.remove();
    ring.setAttribute("cx", best.p.x); ring.setAttribute("cy", best.p.y); svg.append(ring);
    tip.textContent = best.text;
    const box = figure.getBoundingClientRect(), place = best.p.matrixTransform(svg.getScreenCTM());
    tip.style.top = `${place.y - box.top - 40}px`;
    tip.style.left = `${Math.max(0, Math.min(place.x - box.left - tip.offsetWidth / 2, box.width - tip.offsetWidth))}px`;
  });
  svg.addEventListener("pointerleave", () => { tip.hidden = true; ring.remove(); });
  for (const item of figure.querySelectorAll(".legend li")) {
    const button = document.createElement("button");
    button.type = "button"; button.title = "show or hide"; button.setAttribute("aria-pressed", "true");
    button.append(...item.childNodes); item.append(button);
    button.addEventListener("click", () => {
      const off = lines[item.dataset.series].classList.toggle("off");
      button.setAttribute("aria-pressed", String(!off));
    });
  }
}
