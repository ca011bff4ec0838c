// What keeps the page safe and replaceable: who may import what, and what the Content-Security-Policy needs.

import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";

const root = `${import.meta.dirname}/../`;
const sources: { file: string; text: string }[] = [];
for (const name of readdirSync(`${root}src`, { recursive: true, encoding: "utf8" })) {
  const file = `src/${name}`;
  if (/\.(svelte|ts)$/.test(name)) sources.push({ file, text: readFileSync(`${root}${file}`, "utf8") });
}
const breaking = (what: RegExp, allowed: (file: string) => boolean) => sources.filter((one) => !allowed(one.file) && what.test(one.text)).map((one) => one.file);

describe("the house", () => {
  it("lets only the host folder import the window's library", () => {
    expect(sources.length).toBeGreaterThan(50);
    expect(breaking(/@tauri-apps/, (file) => file === "src/host/tauri.ts")).toEqual([]);
  });
  it("keeps Bits UI behind the primitives", () => {
    expect(breaking(/from "bits-ui"/, (file) => file.startsWith("src/components/primitives/"))).toEqual([]);
  });
  it("never puts in HTML or inline styles", () => {
    expect(breaking(/\{@html|innerHTML|<[a-zA-Z][^>]*\sstyle[=:]/, () => false)).toEqual([]);
  });
  it("names the made-up host nowhere but in itself", () => {
    expect(breaking(/host\/fake|\.\/fake|fixtures\//, (file) => file === "src/host/fake.ts")).toEqual([]);
  });
  it("asks through views, not from the components", () => {
    expect(breaking(/host\.ask/, (file) => file.startsWith("src/screens/") || file.startsWith("src/state/") || file === "src/App.svelte" || file === "src/components/accounts/Reconnect.svelte")).toEqual([]);
  });
});
