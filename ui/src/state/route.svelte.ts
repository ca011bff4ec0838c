// Where the window is: `#/screen/param?query`. One file in `screens/` is one screen; a new one needs nothing here.

export interface Route {
  screen: string;
  param: string | null;
  query: URLSearchParams;
}

function read(): Route {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [screen = "", param = ""] = path.split("/");
  return { screen: screen || "today", param: param ? decodeURIComponent(param) : null, query: new URLSearchParams(query) };
}

let current = $state.raw<Route>(read());

export const route = {
  get now(): Route {
    return current;
  },
};

export function address(screen: string, param?: string | null, query?: Record<string, string>): string {
  const asked = query && Object.keys(query).length > 0 ? `?${new URLSearchParams(query)}` : "";
  return `#/${screen}${param ? `/${encodeURIComponent(param)}` : ""}${asked}`;
}

export function go(screen: string, param?: string | null, query?: Record<string, string>): void {
  const to = address(screen, param, query);
  if (location.hash === to) return;
  location.hash = to;
  current = read();
}

/** Follows the address line. Returns how to stop. */
export function follow(): () => void {
  current = read();
  const update = () => (current = read());
  addEventListener("hashchange", update);
  return () => removeEventListener("hashchange", update);
}
