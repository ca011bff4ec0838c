// The frame's own data: companies, keychain, practice band. Screens read the current company from here.

import { type AppView, type CompanyView, host } from "../host";
import { View } from "./view.svelte";

export const frame: View<AppView> = new View(() => host.ask("app_view", {}));

export function company(): CompanyView | null {
  const data = frame.data;
  return data?.companies.find((one) => one.id === data.current) ?? null;
}

/** The current company's id; screens that need one are shown only when there is one. */
export const companyId = (): string => company()?.id ?? "";
export const zone = (): string => company()?.zone ?? "UTC";
