/** One dialog for everything that the browser did not let play; a click on it is the gesture that it wanted. */

const waiting = new Set<() => void>();
let dialog: HTMLDivElement | undefined;

/** Show the dialog, if it is not there, and call `resume` once somebody clicked. */
export function askForGesture(resume: () => void): void {
  waiting.add(resume);
  if (!dialog) dialog = document.body.appendChild(build());
}

/** No gesture is needed any more. */
export function cancelGesture(resume: () => void): void {
  waiting.delete(resume);
  if (waiting.size === 0) remove();
}

function remove(): void {
  dialog?.remove();
  dialog = undefined;
}

function build(): HTMLDivElement {
  const overlay = document.createElement("div");
  overlay.id = "parlour-autoplay";
  Object.assign(overlay.style, { position: "fixed", inset: "0", zIndex: "2147483000", display: "grid", placeItems: "center", background: "rgba(0,0,0,.45)" });
  const box = document.createElement("div");
  box.setAttribute("role", "dialog");
  Object.assign(box.style, { background: "#fff", color: "#1b1f24", font: "16px/1.5 system-ui, sans-serif", padding: "24px 28px", borderRadius: "14px", maxWidth: "320px", textAlign: "center" });
  box.append("The browser holds sound and picture back until you touch the page.");
  const button = document.createElement("button");
  button.textContent = "Play";
  Object.assign(button.style, { display: "block", margin: "16px auto 0", padding: "10px 32px", border: "0", borderRadius: "10px", background: "#2f6feb", color: "#fff", font: "inherit", cursor: "pointer" });
  button.onclick = () => {
    const all = [...waiting];
    waiting.clear();
    remove();
    for (const resume of all) resume();
  };
  box.append(button);
  overlay.append(box);
  return overlay;
}
