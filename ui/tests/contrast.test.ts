// Text on every surface it may stand on: 7:1 at least, light and dark. Edges of controls: 3:1.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(`${import.meta.dirname}/../src/styles/tokens.css`, "utf8");
const colours = (block: string) => Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((match) => [match[1] ?? "", match[2] ?? ""]));
const light = colours(css.slice(css.indexOf(":root {"), css.indexOf('[data-theme="dark"]')));
const dark = colours(css.slice(css.indexOf('[data-theme="dark"]'), css.indexOf("@media (prefers-color-scheme")));
const system = colours(css.slice(css.indexOf("@media (prefers-color-scheme"), css.indexOf("@media (prefers-reduced-motion")));

const channel = (value: number) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const luminance = (hex: string) => [1, 3, 5].map((at) => channel(Number.parseInt(hex.slice(at, at + 2), 16) / 255)).reduce((sum, value, at) => sum + value * ([0.2126, 0.7152, 0.0722][at] ?? 0), 0);
export const ratio = (one: string, other: string) => {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((left, right) => right - left);
  return (high + 0.05) / (low + 0.05);
};

const pairs: [string, string][] = [
  ...["ink-1", "ink-2", "ink-3", "accent"].flatMap((ink) => ["surface-0", "surface-1", "surface-2", "accent-soft"].map((surface): [string, string] => [ink, surface])),
  ...["good", "attention", "stop", "information", "practice"].flatMap((mood): [string, string][] => [[mood, `${mood}-soft`], [mood, "surface-1"]]),
  ["accent-ink", "accent"], ["ink-1", "stop-soft"], ["ink-1", "practice-soft"], ["ink-2", "practice-soft"], ["surface-1", "stop"],
];

describe.each([["light", light], ["dark", dark]] as const)("%s", (_, tokens) => {
  it.each(pairs)("%s on %s can be read", (text, surface) => {
    expect(ratio(tokens[text] ?? "", tokens[surface] ?? "")).toBeGreaterThanOrEqual(7);
  });
  it("the dark of the system is the dark of the pictures", () => {
    expect(system).toEqual(dark);
  });
});
