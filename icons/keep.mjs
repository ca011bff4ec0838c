// Keeps the few generated icons that the app is built with; the rest (shops, phones) are not ours.
import { copyFileSync } from "node:fs";
const made = new URL("../target/icons/", import.meta.url);
for (const name of ["32x32.png", "128x128.png", "128x128@2x.png", "icon.png", "icon.icns", "icon.ico"])
  copyFileSync(new URL(name, made), new URL(name, import.meta.url));
