// What a bar of the timeline is, beside the pointer at once; without this script the browser's own tooltips say it.
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
document.body.append(tip);

for (const title of document.querySelectorAll("svg.timeline title")) {
  title.parentNode.dataset.tip = title.textContent;
  title.remove();
}

function show(event) {
  const text = event.target.closest?.("[data-tip]")?.dataset.tip ?? event.target.parentNode?.dataset?.tip;
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.min(event.clientX + 12, innerWidth - width - 8);
  const above = event.clientY + 16 + height > innerHeight;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${above ? event.clientY - height - 10 : event.clientY + 16}px`;
}
document.addEventListener("pointermove", show);
document.addEventListener("pointerdown", show);
document.addEventListener("scroll", () => (tip.hidden = true), true);
