// @vitest-environment node
// The page that is shipped: no made-up figures, its own font, and nothing that the Content-Security-Policy would refuse.

import { readFileSync } from "node:fs";
import type { Rollup } from "vite";
import { build } from "vite";
import { expect, it } from "vitest";

it("ships without the made-up host, with Inter, and without inline script or style", async () => {
  const root = `${import.meta.dirname}/../`;
  const built = (await build({ root, mode: "production", logLevel: "error", build: { write: false } })) as unknown as Rollup.RollupOutput;
  const files = built.output;
  const text = files.map((file) => (file.type === "chunk" ? file.code : typeof file.source === "string" ? file.source : "")).join("\n");
  const marker = /Pier Nine Fish Bar/;
  expect(readFileSync(`${root}src/host/fixtures/basics.ts`, "utf8")).toMatch(marker);
  expect(text).not.toMatch(marker);
  expect(text).toContain("plugin:event|listen");
  expect(files.some((file) => /inter-latin-wght-normal.*\.woff2$/.test(file.fileName))).toBe(true);
  expect(text).not.toMatch(/url\(["']?data:font/);
  const page = files.find((file) => file.fileName === "index.html");
  const html = page?.type === "asset" ? String(page.source) : "";
  expect(html).toContain("<script type=\"module\"");
  expect(html).not.toMatch(/<style|style=|<script(?![^>]*\ssrc=)|https?:/);
}, 60_000);
