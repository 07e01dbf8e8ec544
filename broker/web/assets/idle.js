// Warns some minutes before the time with a case, or the sign-in, runs out. Nothing that was typed is touched.
"use strict";

const warning = document.getElementById("idle");
const BEFORE = 180;

setTimeout(() => {
  warning.hidden = false;
}, Math.max(0, Number(warning.dataset.seconds) - BEFORE) * 1000);
