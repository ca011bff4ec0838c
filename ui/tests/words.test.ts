// The message files: both complete, with the same places, and nothing a person reads written anywhere else.

import { readFileSync, readdirSync } from "node:fs";
import { parse } from "svelte/compiler";
import { describe, expect, it } from "vitest";
import de from "../src/words/de.json";
import en from "../src/words/en.json";

type Sentence = string | { one: string; other: string };
const english = en as Record<string, Sentence>;
const german = de as Record<string, Sentence>;
const places = (sentence: Sentence) => [...new Set([...JSON.stringify(sentence).matchAll(/\{(\w+)\}/g)].map((match) => match[1]))].sort();

const root = `${import.meta.dirname}/../src/`;
const components = readdirSync(root, { recursive: true, encoding: "utf8" }).flatMap((name) => (name.endsWith(".svelte") ? [`${root}${name}`] : []));

describe("the message files", () => {
  it("hold the same sentences", () => {
    expect(Object.keys(german)).toEqual(Object.keys(english));
  });

  it.each(Object.keys(english))("%s has the same places and forms in both languages", (key) => {
    expect(places(german[key] as Sentence)).toEqual(places(english[key] as Sentence));
    expect(typeof german[key]).toBe(typeof english[key]);
    expect(JSON.stringify(german[key])).not.toContain('""');
  });

  it("never blame, shout or say that something went wrong", () => {
    for (const text of Object.values(english).map((one) => JSON.stringify(one))) expect(text).not.toMatch(/!|oops|something went wrong|invalid|please/i);
  });
});

describe("components", () => {
  it("hold no sentence of their own", () => {
    expect(components.length).toBeGreaterThan(40);
    const found: string[] = [];
    for (const file of components) {
      const walk = (node: unknown): void => {
        if (Array.isArray(node)) return node.forEach(walk);
        if (typeof node !== "object" || node === null) return;
        const one = node as { type?: string; data?: string; name?: string; value?: unknown };
        // Names of the app and of version numbers are the same in every language.
        if (one.type === "Text" && /[A-Za-z]{2,}/.test((one.data ?? "").replace("Changeover", ""))) found.push(`${file}: ${one.data?.trim()}`);
        if (one.type === "Attribute") {
          if (["aria-label", "title", "placeholder", "alt", "label", "text"].includes(one.name ?? "")) walk(one.value);
          return;
        }
        for (const [name, value] of Object.entries(node)) if (name !== "css" && name !== "instance" && name !== "module") walk(value);
      };
      walk(parse(readFileSync(file, "utf8"), { modern: true }).fragment);
    }
    expect(found).toEqual([]);
  });
});
