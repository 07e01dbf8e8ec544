// Asks a provider's frame at an interval whether the citizen's session there is the same, and sends the form that ends
// the session here once it is another one (OpenID Connect Session Management 1.0, 3.1).
"use strict";

const watch = document.getElementById("watch");
const { origin } = new URL(watch.dataset.frame);
const frame = document.createElement("iframe");
let timer = 0;
let known = false;

function show(state) {
  for (const text of watch.children) text.hidden = text.dataset.state !== state;
}

function ask() {
  frame.contentWindow.postMessage(watch.dataset.message, origin);
}

function answered(event) {
  if (event.origin !== origin || event.source !== frame.contentWindow) return;
  if (event.data === "unchanged") {
    known = true;
    show("same");
  } else if (event.data === "changed" || event.data === "error") {
    clearInterval(timer);
    window.removeEventListener("message", answered);
    // a frame that never knew the session may be without its cookies: then its answer says nothing
    if (event.data === "changed" && known) document.getElementById("changed").submit();
    else show("unknown");
  }
}

window.addEventListener("message", answered);
frame.addEventListener("load", () => {
  ask();
  timer = setInterval(ask, 5000);
}, { once: true });
frame.hidden = true;
frame.title = watch.dataset.title;
frame.sandbox = "allow-scripts allow-same-origin";
frame.src = watch.dataset.frame;
document.body.append(frame);
