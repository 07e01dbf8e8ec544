// In a frame of a relying service: says whether the citizen's session with us is the one that the service knows
// (OpenID Connect Session Management 1.0, 3.2). Asked with "<client_id> <session_state>".
"use strict";

async function hashed(text) {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function answer(message, origin) {
  const asked = typeof message === "string" && /^([!-~]+) ([0-9a-f]{64})\.([A-Za-z0-9_-]+)$/.exec(message);
  if (!asked) return "error";
  const held = /(?:^|; )__Secure-portico-state=([^;]*)/.exec(document.cookie);
  // a browser that keeps our cookies from us in a frame leaves us without an opinion
  if (!held && document.hasStorageAccess && !(await document.hasStorageAccess())) return "error";
  const now = await hashed([asked[1], origin, held ? held[1] : "", asked[3]].join(" "));
  return now === asked[2] ? "unchanged" : "changed";
}

window.addEventListener("message", async (event) => {
  if (!event.source || event.source === window || event.origin === "null") return;
  event.source.postMessage(await answer(event.data, event.origin), event.origin);
});
