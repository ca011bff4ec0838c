// svelte-check once reported silence with a newer TypeScript; a planted error proves that it still bites.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";

it("finds a planted error in a component and in a module", () => {
  const root = `${import.meta.dirname}/../`;
  mkdirSync(`${root}.planted`, { recursive: true });
  const folder = mkdtempSync(`${root}.planted/`);
  try {
    writeFileSync(`${folder}/planted.svelte`, `<script lang="ts">\n  const planted: number = "text";\n</script>\n\n<p>{planted}</p>\n`);
    writeFileSync(`${folder}/planted.ts`, `export const planted: number = "text";\n`);
    writeFileSync(`${folder}/tsconfig.json`, JSON.stringify({ extends: "../../tsconfig.json", include: ["./*"], exclude: [], compilerOptions: { paths: {} } }));
    const run = spawnSync(process.execPath, [`${root}node_modules/svelte-check/bin/svelte-check`, "--workspace", folder, "--tsconfig", `${folder}/tsconfig.json`, "--output", "machine"], { encoding: "utf8" });
    expect(run.stdout).toMatch(/ERROR "planted\.svelte"/);
    expect(run.stdout).toMatch(/ERROR "planted\.ts"/);
    expect(run.status).toBe(1);
  } finally {
    rmSync(`${root}.planted`, { recursive: true, force: true });
  }
}, 60_000);
