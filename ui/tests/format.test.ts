// Money keeps every digit, days stay in the business's time zone.

import { describe, expect, it } from "vitest";
import { day, dayAndTime, dayOf, hourOf, span } from "../src/format/dates";
import { amount, bytes, isZero, minorOf, plain, withCurrency } from "../src/format/money";

const money = (minor: string, currency = "USD", digits = 2) => ({ minor, currency, digits });

describe("money", () => {
  it.each([
    ["120410", "USD", 2, "1204.10", "1,204.10\u00a0USD"],
    ["-9680", "USD", 2, "-96.80", "\u221296.80\u00a0USD"],
    ["-5", "USD", 2, "-0.05", "\u22120.05\u00a0USD"],
    ["1000", "JPY", 0, "1000", "1,000\u00a0JPY"],
    ["1500", "KWD", 3, "1.500", "1.500\u00a0KWD"],
    ["9007199254740993123", "USD", 2, "90071992547409931.23", "90,071,992,547,409,931.23\u00a0USD"],
  ])("%s of %s reads exactly", (minor, currency, digits, text, shown) => {
    expect(plain(money(minor, currency, digits))).toBe(text);
    expect(withCurrency(money(minor, currency, digits))).toBe(shown);
  });
  it("knows nothing from little", () => {
    expect(isZero(money("0"))).toBe(true);
    expect(isZero(money("-1"))).toBe(false);
    expect(amount(money("0"))).toBe("0.00");
  });
  it("writes sizes a person can compare", () => {
    expect(bytes("41200000")).toBe("41.2 MB");
    expect(bytes("900")).toBe("900 byte");
  });
});

describe("dates", () => {
  it("fall on the business's day", () => {
    expect(dayOf("2026-11-24T03:30:00Z", "America/New_York")).toBe("2026-11-23");
    expect(dayOf("2026-11-23T23:30:00Z", "Europe/Berlin")).toBe("2026-11-24");
    expect(hourOf("2026-11-24T05:00:00Z", "America/New_York")).toBe(0);
  });
  it("follow the clock's change in autumn", () => {
    expect(hourOf("2026-11-01T05:30:00Z", "America/New_York")).toBe(1);
    expect(hourOf("2026-11-01T06:30:00Z", "America/New_York")).toBe(1);
  });
  it("say today, yesterday and the year when it is another", () => {
    expect(day("2026-11-23", "2026-11-23")).toBe("today");
    expect(day("2026-11-22", "2026-11-23")).toBe("yesterday");
    expect(day("2025-11-03", "2026-11-23")).toBe("November 3, 2025");
    expect(dayAndTime("2026-11-23T11:04:00Z", "America/New_York", "2026-11-23T14:00:00Z")).toMatch(/^today, 6:04\sAM$/);
  });
  it("say how long in the unit a person would choose", () => {
    expect(span(48)).toBe("48 seconds");
    expect(span(1500)).toBe("25 minutes");
  });
});

describe("an amount that a person types", () => {
  it("is read exactly, with either decimal sign", () => {
    for (const [typed, minor] of [["18.50", "1850"], ["-18,5", "-1850"], ["\u22127", "-700"], [" 0.07 ", "7"], ["123456789012345678.01", "12345678901234567801"], ["0", "0"]] as const) expect(minorOf(typed, 2)).toBe(minor);
    expect(minorOf("1850", 0)).toBe("1850");
  });
  it("is not guessed at", () => {
    for (const typed of ["", "abc", "1.234", "1,000.00", "1e3", "--1", "."]) expect(minorOf(typed, 2)).toBeNull();
    expect(minorOf("1.5", 0)).toBeNull();
  });
});
