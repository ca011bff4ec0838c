// What a person wants restored, and where to.

export interface Wish {
  way: "folder" | "in_place";
  part: "everything" | "book" | "settings" | "file";
  file: string;
  target: string;
  settings: boolean;
}

export const plainWish: Wish = { way: "folder", part: "everything", file: "", target: "", settings: false };

/** The part as the engine reads it: nothing is everything. */
export function only(wish: Wish): string[] {
  if (wish.way === "in_place" || wish.part === "everything") return [];
  return [wish.part === "file" ? wish.file : wish.part];
}
