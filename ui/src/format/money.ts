// Money as a person reads it: exact digits in, the region's own grouping and decimal sign out. Never through a float.

import type { MoneyView } from "../host/types";
import { locale } from "../words";

/** "-1204.10": exact, for machines. */
export function plain(money: MoneyView): string {
  const negative = money.minor.startsWith("-");
  const digits = (negative ? money.minor.slice(1) : money.minor).padStart(money.digits + 1, "0");
  const major = digits.slice(0, digits.length - money.digits);
  const minor = digits.slice(digits.length - money.digits);
  return `${negative ? "-" : ""}${major}${minor ? `.${minor}` : ""}`;
}

export const isZero = (money: MoneyView): boolean => /^-?0*$/.test(money.minor);

/** "−96.80": for columns whose head names the currency. */
export function amount(money: MoneyView): string {
  const format = new Intl.NumberFormat(locale, { minimumFractionDigits: money.digits, maximumFractionDigits: money.digits });
  // A decimal text keeps every digit; a number would not.
  return format
    .formatToParts(plain(money) as Intl.StringNumericLiteral)
    .map((part) => (part.type === "minusSign" ? "\u2212" : part.value))
    .join("");
}

/** "1204.1" typed by a person → "120410" in minor units; null when it is no amount. Both decimal signs are read, no float is made. */
export function minorOf(text: string, digits: number): string | null {
  const found = /^([-\u2212+]?)\s*(\d+)(?:[.,](\d+))?$/.exec(text.trim());
  const fraction = found?.[3] ?? "";
  if (!found || fraction.length > digits) return null;
  const minor = `${found[2] ?? ""}${fraction.padEnd(digits, "0")}`.replace(/^0+(?=\d)/, "");
  return found[1] === "-" || found[1] === "\u2212" ? `-${minor}` : minor;
}

/** "1,204.10 USD" */
export const withCurrency = (money: MoneyView): string => `${amount(money)}\u00a0${money.currency}`;

/** "41.2 MB", from bytes as text. */
export function bytes(text: string): string {
  const steps = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
  let value = Number(text);
  let step = 0;
  while (value >= 1000 && step < steps.length - 1) {
    value /= 1000;
    step += 1;
  }
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: steps[step] ?? "byte",
    unitDisplay: "short",
    maximumFractionDigits: step > 1 ? 1 : 0,
  }).format(value);
}
