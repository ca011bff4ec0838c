// Dates and times in the business's time zone. Days come as `YYYY-MM-DD` and are already in that zone.

import { locale, t } from "../words";

const parts = (at: string, zone: string) =>
  Object.fromEntries(
    new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", hourCycle: "h23" })
      .formatToParts(new Date(at))
      .map((part) => [part.type, part.value]),
  );

/** The day of an instant: `YYYY-MM-DD`. */
export function dayOf(at: string, zone: string): string {
  const { year, month, day } = parts(at, zone);
  return `${year}-${month}-${day}`;
}

export const hourOf = (at: string, zone: string): number => Number(parts(at, zone)["hour"]);

const noon = (day: string) => new Date(`${day}T12:00:00Z`);
const days = (from: string, to: string) => Math.round((noon(to).getTime() - noon(from).getTime()) / 86_400_000);

/** "3 November" (with the year when it is not this one), or "today", "yesterday", "tomorrow". */
export function day(value: string, today?: string): string {
  if (today) {
    const apart = days(today, value);
    if (apart === 0) return t("day.today");
    if (apart === -1) return t("day.yesterday");
    if (apart === 1) return t("day.tomorrow");
  }
  const sameYear = (today ?? new Date().toISOString()).slice(0, 4) === value.slice(0, 4);
  return new Intl.DateTimeFormat(locale, { timeZone: "UTC", day: "numeric", month: "long", ...(sameYear ? {} : { year: "numeric" }) }).format(noon(value));
}

/** "3 Nov", for tables; with the year when asked. */
export const shortDay = (value: string, year = false): string =>
  new Intl.DateTimeFormat(locale, { timeZone: "UTC", day: "numeric", month: "short", ...(year ? { year: "numeric" } : {}) }).format(noon(value));

/** "September 2027", of a day. */
export const monthOf = (value: string): string =>
  new Intl.DateTimeFormat(locale, { timeZone: "UTC", month: "long", year: "numeric" }).format(noon(value));

/** "Monday, 23 November" */
export const longDay = (at: string, zone: string): string =>
  new Intl.DateTimeFormat(locale, { timeZone: zone, weekday: "long", day: "numeric", month: "long" }).format(new Date(at));

/** "06:04", "6:04 AM" */
export const time = (at: string, zone: string): string =>
  new Intl.DateTimeFormat(locale, { timeZone: zone, timeStyle: "short" }).format(new Date(at));

/** "06:02:14" */
export const clock = (at: string, zone: string): string =>
  new Intl.DateTimeFormat(locale, { timeZone: zone, timeStyle: "medium" }).format(new Date(at));

/** "today 06:04", "3 November 06:04" */
export const dayAndTime = (at: string, zone: string, now?: string): string =>
  t("day.and_time", { day: day(dayOf(at, zone), now ? dayOf(now, zone) : undefined), time: time(at, zone) });

/** "12 minutes ago", "in 3 days" */
export function ago(at: string, now: string): string {
  const seconds = (new Date(at).getTime() - new Date(now).getTime()) / 1000;
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const size = Math.abs(seconds);
  if (size < 60) return format.format(Math.round(seconds), "second");
  if (size < 3600) return format.format(Math.round(seconds / 60), "minute");
  if (size < 86_400) return format.format(Math.round(seconds / 3600), "hour");
  return format.format(Math.round(seconds / 86_400), "day");
}

/** "48 seconds", "2 minutes" */
export function span(seconds: number): string {
  const [value, unit] = seconds < 90 ? [seconds, "second"] : seconds < 5400 ? [seconds / 60, "minute"] : [seconds / 3600, "hour"];
  return new Intl.NumberFormat(locale, { style: "unit", unit: unit as string, unitDisplay: "long", maximumFractionDigits: 0 }).format(value as number);
}

/** "Mon" … "Sun" */
export const weekdays = (): string[] =>
  Array.from({ length: 7 }, (_, at) => new Intl.DateTimeFormat(locale, { timeZone: "UTC", weekday: "short" }).format(new Date(Date.UTC(2026, 5, 1 + at, 12))));

/** "New York" out of `America/New_York`. */
export const zoneName = (zone: string): string => (zone.split("/").at(-1) ?? zone).replaceAll("_", " ");

/** A sentence or a figure begins with a capital. */
export const upper = (text: string): string => text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);

/** "a, b and c" */
export const list = (items: string[]): string => new Intl.ListFormat(locale, { type: "conjunction" }).format(items);
