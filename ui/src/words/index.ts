// The page's sentences. English is complete by definition, German by a test; nothing is written in a component.
// A sentence is text with {places}; one that depends on a number is { one, other }, chosen by `count`.

import de from "./de.json";
import en from "./en.json";

type Sentence = string | { one: string; other: string };
export type Key = keyof typeof en;

const languages = { en, de } as const;
export type Language = keyof typeof languages;

function wanted(): Language {
  return navigator.language.toLowerCase().startsWith("de") ? "de" : "en";
}

export const language: Language = wanted();
/** For numbers, money and dates: the system's own region when it speaks the language that is shown. */
export const locale: string = navigator.language.toLowerCase().startsWith(language) ? navigator.language : language;

const plural = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(locale);

/** The sentence for `key` with its places filled from the fields of `values`; a whole view will do. Numbers are written as the
 * reader's region writes them. */
export function t(key: Key, values: object = {}): string {
  const fields = values as Record<string, unknown>;
  const sentence = (languages[language] as Record<Key, Sentence>)[key];
  const text = typeof sentence === "string" ? sentence : plural.select(Number(fields["count"] ?? 0)) === "one" ? sentence.one : sentence.other;
  return text.replace(/\{(\w+)\}/g, (_, place: string) => {
    const value = fields[place];
    return typeof value === "number" ? numbers.format(value) : typeof value === "string" ? value : "";
  });
}

/** For names that come from the engine: the words for `prefix.name` if there are any, else the given text. */
export function known(prefix: string, name: string, otherwise: string, values: object = {}): string {
  const key = `${prefix}.${name}`;
  return key in en ? t(key as Key, values) : otherwise;
}
