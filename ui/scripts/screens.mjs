// Takes a picture of every screen from the made-up host in headless Chromium, light and dark, small and large, and
// runs axe and the Content-Security-Policy over each. Pictures: target/screens/. Exit status 1 on any finding.
//   npm run screens [-- word in the name]

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { build, preview } from "vite";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = fileURLToPath(new URL("../../target/screens/", import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const only = process.argv[2] ?? "";

const pictures = [
  ["start", "first", "start"], ["start-making", "making", "start"],
  ["today", "", "today"], ["today-quiet", "quiet", "today"], ["today-comparing", "comparing", "today"], ["today-band", "band", "today"], ["today-empty", "empty", "today"], ["today-problem", "problem", "today"], ["today-skeleton", "skeleton", "today"],
  ["accounts", "", "accounts"], ["accounts-details", "", "accounts/square"], ["accounts-why", "", "accounts/square?reconnect=1"], ["accounts-browser", "browser", "accounts/square?reconnect=1"],
  ["accounts-wrong", "wrong", "accounts/square?reconnect=1"], ["accounts-done", "done", "accounts/square?reconnect=1"], ["accounts-empty", "empty", "accounts"],
  ["upgrade-run", "", "upgrade"], ["upgrade-idle", "idle", "upgrade"], ["upgrade-plan", "plan", "upgrade"], ["upgrade-halted", "halted", "upgrade"], ["upgrade-running", "running", "upgrade"], ["upgrade-watching", "watching", "upgrade"], ["upgrade-empty", "empty", "upgrade"],
  ["differences", "", "differences/up-1"], ["differences-empty", "empty", "differences/up-1"],
  ["backups", "", "backups"], ["backups-working", "working", "backups"], ["backups-empty", "empty", "backups"], ["backups-kit", "kit", "backups"], ["backups-missed", "missed", "backups"], ["restore", "", "restore/b3"], ["restore-done", "restored", "restore/b3"], ["restore-working", "restoring", "restore/b3"], ["restore-in-place", "inplace", "restore/b3"], ["restore-damaged", "damaged", "restore/b3"], ["restore-moments", "undo", "restore"], ["restore-moments-empty", "empty", "restore"], ["restore-fresh", "first", "restore"],
  ["reconcile", "", "reconcile"], ["reconcile-empty", "empty", "reconcile"], ["hold-link", "", "reconcile"], ["hold-link-none", "nocandidate", "reconcile"], ["hold-post", "", "reconcile"], ["hold-post-lines", "", "reconcile"], ["hold-post-closed", "closed", "reconcile"], ["hold-exclude", "", "reconcile"], ["hold-exclude-sure", "", "reconcile"], ["log", "", "log"], ["log-checked", "checked", "log"], ["log-broken", "broken", "log"], ["log-empty", "empty", "log"],
  ["practice", "", "practice"], ["companies", "", "companies"], ["company-add", "", "company-add"], ["company-add-match", "", "company-add"], ["settings", "", "settings"], ["settings-vault", "", "settings"], ["accounts-given-up", "", "accounts/square"],
  ["palette", "", "today"], ["rollback", "", "upgrade"],
];
/** The answers to a held payment, in either language. */
const HOLD = { link: /already in the books|Schon in den Büchern/, post: /^(Post it|Buchen)$/, exclude: /^(Leave it out|Weglassen)$/, next: /^(Go on|Weiter)$/ };
/** What a person does first, for pictures of something that has to be opened. */
const before = {
  "backups-missed": (page) => page.getByRole("checkbox").last().scrollIntoViewIfNeeded(),
  "company-add-match": (page) => page.getByRole("button", { name: /Choose a file|Datei wählen/ }).click(),
  "hold-link": (page) => page.getByRole("button", { name: HOLD.link }).first().click(),
  "hold-link-none": (page) => page.getByRole("button", { name: HOLD.link }).first().click(),
  "hold-post": async (page) => {
    await page.getByRole("button", { name: HOLD.post }).first().click();
    await page.getByRole("button", { name: HOLD.next }).click();
  },
  "hold-post-lines": (page) => page.getByRole("button", { name: HOLD.post }).nth(1).click(),
  "hold-post-closed": (page) => page.getByRole("button", { name: HOLD.post }).first().click(),
  "hold-exclude": (page) => page.getByRole("button", { name: HOLD.exclude }).first().click(),
  "hold-exclude-sure": async (page) => {
    await page.getByRole("button", { name: HOLD.exclude }).first().click();
    await page.getByRole("textbox").fill("A test of the new card terminal.");
    await page.getByRole("button", { name: HOLD.next }).click();
  },
  "settings-vault": (page) => page.locator("label", { hasText: /A passphrase vault|Passphrasen-Tresor/ }).click(),
  "accounts-given-up": async (page) => {
    await page.getByRole("button", { name: /^(Disconnect|Trennen)/ }).first().click();
    await page.getByRole("dialog").getByRole("button", { name: /Square/ }).click();
  },
  palette: (page) => page.keyboard.press("Control+k"),
  rollback: (page) => page.getByRole("button", { name: /Roll back|Zurückrollen/ }).click(),
};
const sizes = [["900x640", 900, 640], ["1440x900", 1440, 900]];

await build({ root, mode: "fake", logLevel: "error" });
const server = await preview({ root, mode: "fake", logLevel: "error", preview: { port: 0, host: "127.0.0.1" }, build: { outDir: "../target/ui-fake" } });
const base = server.resolvedUrls.local[0];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
let findings = 0;
try {
  for (const [theme, locale] of [["light", "en-US"], ["dark", "en-US"], ["light", "de-DE"]]) {
    const look = locale === "de-DE" ? "german" : theme;
    for (const [size, width, height] of sizes) {
      // axe is put in by the test itself; the page's own policy is watched through its violation events.
      const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, locale });
      await context.addInitScript(() => {
        window.violations = [];
        document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
      });
      for (const [name, scene, hash] of pictures) {
        if (!name.includes(only)) continue;
        const page = await context.newPage();
        page.on("pageerror", (error) => {
          findings += 1;
          console.log(`${name} ${look}: error ${error.message}`);
        });
        await page.goto(`${base}?show=${scene}#/${hash}`);
        await page.waitForFunction(() => document.querySelector("h1, h2, [role=status] i"));
        await before[name]?.(page);
        await page.waitForTimeout(name.endsWith("skeleton") ? 500 : 220);
        await page.screenshot({ path: `${out}${name}.${look}.${size}.png` });
        if (size === "1440x900" && look !== "german") {
          await page.evaluate(axe);
          const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"], rules: { "color-contrast-enhanced": { enabled: true } } }));
          for (const one of result.violations) {
            findings += 1;
            console.log(`${name} ${look}: ${one.id}: ${one.help}\n   ${one.nodes.slice(0, 4).map((node) => `${node.html.slice(0, 160)} ${(node.any[0]?.message ?? node.none[0]?.message ?? "").slice(0, 200)}`).join("\n   ")}`);
          }
        }
        for (const one of await page.evaluate(() => window.violations)) {
          findings += 1;
          console.log(`${name} ${look}: refused by the policy: ${one}`);
        }
        const wide = await page.evaluate(() => [...document.querySelectorAll("main, main section, [role=dialog], nav")].some((one) => one.scrollWidth > one.clientWidth + 1));
        if (wide) {
          findings += 1;
          console.log(`${name} ${look} ${size}: the content is wider than the window`);
        }
        await page.close();
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
  await server.close();
}
console.log(findings === 0 ? "No findings." : `${findings} findings.`);
process.exit(findings === 0 ? 0 : 1);
