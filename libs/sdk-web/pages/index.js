/** The first page: what is running, asked of the server every three seconds, and an example with this server's own values. */
import { box, button, credentials, pill, showState, tableRow } from "./page.js";
import { countText, examplePage, serviceHealth, suiteHealth } from "./status.js";

const REFRESH_MS = 3000;
const COPIED_MS = 1500;

/** The example with a token that works, where the server hands out tokens. @param {{ dev?: boolean, appID?: number }} status */
async function exampleOf({ dev, appID = 0 }) {
  if (!dev) return examplePage(location.origin, appID, "a token that your own server made");
  const made = await credentials(String(appID), "", "lobby", "me").catch(() => ({ appID, token: "run: parlour token --user me" }));
  return examplePage(location.origin, made.appID, made.token);
}

/** @param {import("./status.js").Service} service */
function serviceRow(service) {
  const { name, replicas, missing } = service;
  const [kind, text] = serviceHealth(service);
  return tableRow({}, ["", name], ["num soft", replicas > 1 && !missing ? `${replicas} replicas` : ""], ["num", pill(kind, text)]);
}

async function refresh() {
  try {
    const status = await (await fetch("/v1/status")).json();
    const [kind, text] = suiteHealth(status.services);
    showState(text, kind);
    box("url").textContent = location.origin;
    box("app-id").textContent = status.appID || "yours";
    box("rooms").textContent = countText(status.rooms);
    box("connections").textContent = countText(status.connections);
    box("services").replaceChildren(...status.services.map(serviceRow));
    if (!box("example").textContent) box("example").textContent = await exampleOf(status);
  } catch {
    showState("no answer", "bad");
  }
}

button("copy").onclick = async () => {
  await navigator.clipboard.writeText(box("example").textContent ?? "");
  button("copy").textContent = "Copied";
  setTimeout(() => (button("copy").textContent = "Copy"), COPIED_MS);
};
refresh();
setInterval(refresh, REFRESH_MS);
