// Takes a photograph or a video with the device's camera, and puts it into the form's field for a file. It sends nothing.
"use strict";

const DARK = 60; // mean brightness, of 255
const BLURRED = 60; // variance of the second differences of a picture 320 pixels wide
const SMALL = 700; // pixels of the shorter side

for (const box of document.querySelectorAll("[data-camera]")) {
  if (navigator.mediaDevices && window.MediaRecorder && window.DataTransfer) offer(box);
}

function offer(box) {
  const moving = box.dataset.camera === "video";
  const input = document.getElementById(box.dataset.camera);
  const live = box.querySelector("video");
  const still = box.querySelector("canvas");
  const view = box.querySelector("[data-view]");
  const seen = live.getAttribute("aria-label");
  let stream, recorder, timer;

  function show(...states) {
    for (const text of box.querySelectorAll("[data-state]")) text.hidden = !states.includes(text.dataset.state);
  }

  function press(...names) {
    for (const button of box.querySelectorAll("[data-do]")) button.hidden = !names.includes(button.dataset.do);
    const first = names[0] && box.querySelector(`[data-do="${names[0]}"]`);
    if (first) first.focus();
  }

  function stop() {
    clearTimeout(timer);
    for (const track of stream ? stream.getTracks() : []) track.stop();
    stream = live.srcObject = null;
  }

  // What was recorded, to look at before it is sent. It never leaves the page by itself.
  function play(blob) {
    live.src = URL.createObjectURL(blob);
    live.setAttribute("aria-label", live.dataset.taken);
    live.muted = false;
    live.controls = true;
  }

  function forget() {
    if (!live.src) return;
    URL.revokeObjectURL(live.src);
    live.removeAttribute("src");
    live.setAttribute("aria-label", seen);
    live.muted = true;
    live.controls = false;
  }

  function keep(blob, name) {
    const files = new DataTransfer();
    files.items.add(new File([blob], name, { type: blob.type }));
    input.files = files.files;
  }

  const acts = {
    async open() {
      const facing = { facingMode: moving ? "user" : "environment" };
      const size = moving ? { width: 1280, height: 720 } : { width: 1920, height: 1080 };
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { ...facing, ...size }, audio: moving });
      } catch {
        show("none");
        return;
      }
      forget();
      live.srcObject = stream;
      live.hidden = view.hidden = false;
      still.hidden = true;
      await live.play();
      show("aim");
      press(moving ? "record" : "take", "close");
    },

    async take() {
      still.width = live.videoWidth;
      still.height = live.videoHeight;
      still.getContext("2d").drawImage(live, 0, 0);
      const hints = faults(still);
      stop();
      live.hidden = true;
      still.hidden = false;
      still.toBlob((blob) => {
        keep(blob, "photo.jpg");
        show("taken", ...hints);
        press("again", "close");
      }, "image/jpeg", 0.92);
    },

    record() {
      const parts = [];
      recorder = new MediaRecorder(stream, { videoBitsPerSecond: 2500000 });
      recorder.ondataavailable = (event) => parts.push(event.data);
      recorder.onstop = () => {
        stop();
        const blob = new Blob(parts, { type: recorder.mimeType.split(";")[0] });
        keep(blob, "video");
        play(blob);
        show("taken");
        press("again");
      };
      recorder.start();
      timer = setTimeout(acts.finish, box.dataset.seconds * 1000);
      show("recording");
      press("finish");
    },

    finish() {
      if (recorder.state === "recording") recorder.stop();
    },

    close() {
      stop();
      view.hidden = true;
      show();
      press("open");
    },
  };

  acts.again = acts.open;
  for (const button of box.querySelectorAll("[data-do]")) button.addEventListener("click", acts[button.dataset.do]);
  window.addEventListener("pagehide", stop);
  box.hidden = false;
}

// What may be wrong with a picture. It is only said: the citizen decides.
function faults(picture) {
  const width = 320;
  const height = Math.round((picture.height * width) / picture.width);
  const small = document.createElement("canvas");
  small.width = width;
  small.height = height;
  const context = small.getContext("2d");
  context.drawImage(picture, 0, 0, width, height);
  const points = context.getImageData(0, 0, width, height).data;
  const grey = new Float32Array(width * height);
  let sum = 0;
  for (let i = 0; i < grey.length; i++) {
    grey[i] = 0.299 * points[4 * i] + 0.587 * points[4 * i + 1] + 0.114 * points[4 * i + 2];
    sum += grey[i];
  }
  let edges = 0;
  let squares = 0;
  let count = 0;
  for (let i = width; i < grey.length - width; i++) {
    const edge = 4 * grey[i] - grey[i - 1] - grey[i + 1] - grey[i - width] - grey[i + width];
    edges += edge;
    squares += edge * edge;
    count += 1;
  }
  const found = [];
  if (Math.min(picture.width, picture.height) < SMALL) found.push("small");
  if (sum / grey.length < DARK) found.push("dark");
  else if (squares / count - (edges / count) ** 2 < BLURRED) found.push("blurred");
  return found;
}
