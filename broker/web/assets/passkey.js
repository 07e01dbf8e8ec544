// Asks the browser to make or to use a passkey (W3C Web Authentication), and sends its answer with the page's form.
"use strict";

const form = document.getElementById("passkey");
const ask = form.querySelector("[data-ask]");
const kind = form.dataset.kind;

function show(state) {
  for (const text of document.getElementById("passkey-says").children) text.hidden = text.dataset.state !== state;
}

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function text(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function options() {
  const given = JSON.parse(form.dataset.options);
  const credentials = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));
  given.challenge = bytes(given.challenge);
  if (given.user) given.user.id = bytes(given.user.id);
  if (given.excludeCredentials) given.excludeCredentials = credentials(given.excludeCredentials);
  if (given.allowCredentials) given.allowCredentials = credentials(given.allowCredentials);
  return given;
}

function answer(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  return JSON.stringify({ id: credential.id, rawId: credential.id, type: credential.type, response });
}

async function run() {
  show("asking");
  ask.disabled = true;
  try {
    const credential = await navigator.credentials[kind]({ publicKey: options() });
    form.elements.code.value = answer(credential);
    form.submit();
  } catch (error) {
    ask.disabled = false;
    show(error.name === "InvalidStateError" ? "known" : "failed");
    ask.focus();
  }
}

if (window.PublicKeyCredential) {
  ask.hidden = false;
  ask.addEventListener("click", run);
  show("ready");
}
