// Small numbers as words, where a sentence begins with one.

import { t } from "../words";

export function counted(count: number): string {
  switch (count) {
    case 2:
      return t("number.2");
    case 3:
      return t("number.3");
    case 4:
      return t("number.4");
    case 5:
      return t("number.5");
    default:
      return String(count);
  }
}
