// Builds the pages' style sheets from the npm packages beside this file:
//
//   broker/web/static/built/portico.css       for languages written from left to right
//   broker/web/static/built/portico.rtl.css   the same, mirrored
//   broker/web/static/built/console.css       both once more for the staff console, which has parts of its own
//   broker/web/static/built/console.rtl.css
//   broker/web/static/built/manifest.json     {"portico.css": {"sha256": ..., "bytes": ..., "gzip": ...}, ...}
//
// The hash is of the file's content, in hexadecimal, so that a page can name a version and let it be kept for ever.

import { createHash } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import rtlcss from "rtlcss";
import * as sass from "sass";

const here = dirname(fileURLToPath(import.meta.url));
const web = join(here, "..", "..", "broker", "web");
const built = join(web, "static", "built");

const sheets = {};
for (const name of ["portico", "console"]) {
  const { css } = sass.compile(join(web, "assets", `${name}.scss`), {
    loadPaths: [join(here, "node_modules", "govuk-frontend", "dist")],
    style: "compressed",
  });
  sheets[`${name}.css`] = css;
  sheets[`${name}.rtl.css`] = rtlcss.process(css);
}
const manifest = {};
mkdirSync(built, { recursive: true });
for (const [name, text] of Object.entries(sheets)) {
  put(name, text);
  manifest[name] = {
    sha256: createHash("sha256").update(text).digest("hex"),
    bytes: Buffer.byteLength(text),
    gzip: gzipSync(text, { level: 9 }).length,
  };
  console.log(`${name}  ${manifest[name].bytes} bytes, ${manifest[name].gzip} with gzip`);
}
put("manifest.json", JSON.stringify(manifest, null, 2) + "\n");

// Under another name first: a server that is running never reads half a file.
function put(name, text) {
  writeFileSync(join(built, name + ".part"), text);
  renameSync(join(built, name + ".part"), join(built, name));
}
