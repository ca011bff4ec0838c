import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// The policy of src-tauri/tauri.conf.json without the parts that only the window has, so that the preview
// breaks where the window would.
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export default defineConfig(({ mode }) => {
  // The made-up host is for looking at screens and for tests; a production build does not contain it.
  const made_up = mode === "fake" || mode === "test";
  return {
    plugins: [svelte(), ...(mode === "test" ? [svelteTesting()] : [])],
    resolve: { alias: { "#host": here(made_up ? "./src/host/fake.ts" : "./src/host/tauri.ts") } },
    build: {
      outDir: mode === "fake" ? "../target/ui-fake" : "dist",
      emptyOutDir: true,
      target: ["es2022", "safari16", "chrome111"],
      // A data: font or picture would be refused by the Content-Security-Policy.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
    preview: { headers: { "Content-Security-Policy": policy } },
    test: {
      environment: "jsdom",
      include: ["src/**/*.test.ts", "tests/**/*.test.ts"],
      setupFiles: ["./tests/setup.ts"],
      testTimeout: 20_000,
    },
  };
});
